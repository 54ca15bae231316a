"""Files that are replaced under their names are read anew; those that are not are served from memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sd_core import Control, Engine, ImagePrompt, Lora, Request, TextToImage
from sd_core.devices import choose_placement
from sd_core.engine.resources import Resources
from tests.conftest import Built
from tests.engine.pictures import bytes_picture
from tests.tiny import TinyKind
from tests.tiny_adapters import LoraFormat, tiny_textual_inversion

WEIGHTS = "diffusion_pytorch_model.safetensors"


def replaced(file: Path) -> None:
    """Other weights in the very same file: of the same size, with the time of its content set back."""
    before = file.stat()
    tensors = load_file(file)
    generator = torch.Generator().manual_seed(11)
    other = {
        name: tensor + 0.2 * torch.randn(tensor.shape, generator=generator).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in tensors.items()
    }
    scratch = file.with_suffix(".scratch")
    with safe_open(file, framework="pt") as header:
        save_file(other, scratch, metadata=header.metadata())
    content = scratch.read_bytes()
    scratch.unlink()
    with file.open("r+b") as stream:
        stream.write(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


def moved_over(file: Path) -> None:
    """Another file in its place, as a download leaves it."""
    new = file.with_suffix(".new")
    shutil.copy(file, new)
    replaced(new)
    new.replace(file)


@pytest.fixture
def mine(tiny: Built, tmp_path: Path) -> Path:
    """A model of the test's own."""
    return shutil.copytree(tiny(TinyKind.SD1), tmp_path / "model")


Case = Callable[[pytest.FixtureRequest, Path], tuple[dict[str, Any], Path]]
"""Fields of a request, and the file that is to be replaced."""


def own(request: pytest.FixtureRequest, fixture: str, folder: Path, *arguments: Any) -> Path:
    made = request.getfixturevalue(fixture)(*arguments)
    copy = folder / made.name
    return shutil.copytree(made, copy) if made.is_dir() else Path(shutil.copy(made, copy))


def lora_case(request: pytest.FixtureRequest, folder: Path) -> tuple[dict[str, Any], Path]:
    file = own(request, "lora", folder, TinyKind.SD1, LoraFormat.DIFFUSERS)
    return {"loras": [Lora(file)]}, file


def inversion_case(request: pytest.FixtureRequest, folder: Path) -> tuple[dict[str, Any], Path]:
    file = tiny_textual_inversion(folder / "moss.safetensors", "<moss>", width=32)
    return {"loras": [Lora(file)], "prompt": "a <moss> wall"}, file


def network_case(fixture: str) -> Case:
    def case(request: pytest.FixtureRequest, folder: Path) -> tuple[dict[str, Any], Path]:
        network = own(request, fixture, folder, TinyKind.SD1)
        return {"controls": [Control(kind="depth", image=bytes_picture(64, 64), model=network)]}, network / WEIGHTS

    return case


def image_prompt_case(request: pytest.FixtureRequest, folder: Path) -> tuple[dict[str, Any], Path]:
    adapter = own(request, "ip_adapter", folder, TinyKind.SD1)
    prompt = ImagePrompt(bytes_picture(64, 64), model=adapter)
    return {"image_prompt": prompt}, adapter / "models" / "ip-adapter_sd15.safetensors"


def part_case(part: str) -> Case:
    def case(request: pytest.FixtureRequest, folder: Path) -> tuple[dict[str, Any], Path]:
        stem = "model.safetensors" if part == "text_encoder" else WEIGHTS
        return {}, request.getfixturevalue("mine") / part / stem

    return case


CASES = {
    "lora": lora_case,
    "textual inversion": inversion_case,
    "controlnet": network_case("controlnet"),
    "t2i_adapter": network_case("t2i_adapter"),
    "image prompt": image_prompt_case,
    "unet": part_case("unet"),
    "vae": part_case("vae"),
    "text encoder": part_case("text_encoder"),
}


def picture(engine: Engine, request: Request) -> np.ndarray:
    return np.asarray(engine.run(request).images[0])


@pytest.mark.parametrize("replace", [replaced, pytest.param(moved_over, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_replaced_under_its_name_is_never_served_from_memory(
    engine: Engine,
    mine: Path,
    request: pytest.FixtureRequest,
    case: Case,
    replace: Callable[[Path], None],
) -> None:
    fields, file = case(request, mine.parent)
    size = {"width": 64, "height": 64, "num_inference_steps": 2, "seed": 1, "scheduler": "ddim"}
    wanted = TextToImage(**{"prompt": "a wall", "model": mine, **size, **fields})
    before = picture(engine, wanted)
    assert np.array_equal(picture(engine, wanted), before)
    replace(file)
    after = picture(engine, wanted)
    assert not np.array_equal(after, before)
    engine.free_memory()
    assert np.array_equal(after, picture(engine, wanted))


def test_what_is_not_replaced_is_served_from_memory(mine: Path, controlnet: Built) -> None:
    kept = Resources(choose_placement("cpu", "float32"))
    model = kept.model(str(mine))
    network = kept.control_network(str(controlnet(TinyKind.SD1)), "depth", model)
    prompt, preview = kept.prompt(model, "a wall", "", False, ()), kept.preview(model)
    assert kept.has_model(str(mine)) and kept.model(str(mine)) is model
    assert kept.control_network(str(controlnet(TinyKind.SD1)), "depth", model) is network
    assert kept.prompt(model, "a wall", "", False, ()) is prompt
    assert kept.preview(model) is preview


def test_all_that_a_replaced_model_made_goes_with_it(mine: Path) -> None:
    kept = Resources(choose_placement("cpu", "float32"))
    model = kept.model(str(mine))
    prompt, preview = kept.prompt(model, "a wall", "", False, ()), kept.preview(model)
    replaced(mine / "vae" / WEIGHTS)
    assert not kept.has_model(str(mine))
    other = kept.model(str(mine))
    assert other is not model
    assert kept.prompt(other, "a wall", "", False, ()) is not prompt
    assert kept.preview(other) is not preview


def test_a_model_that_was_replaced_by_a_broken_one_is_not_served_any_more(engine: Engine, mine: Path) -> None:
    from sd_core import ModelMismatch

    wanted = TextToImage(prompt="a wall", model=mine, width=64, height=64, num_inference_steps=1, seed=1)
    engine.run(wanted)
    (mine / "unet" / WEIGHTS).write_bytes(b"no tensors here")
    with pytest.raises(ModelMismatch, match=WEIGHTS):
        engine.run(wanted)
