"""What is wrong is refused by name, with a remedy, and the engine goes on as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sd_core import (
    Animation,
    Control,
    DepthToImage,
    Engine,
    ImageToImage,
    Inpaint,
    Lora,
    ModelMismatch,
    ModelNotFound,
    RequestError,
    SDError,
    TextToImage,
    Upscale,
)
from tests.conftest import Built
from tests.engine.pictures import bytes_picture, depth, mask
from tests.tiny import TinyKind
from tests.tiny_adapters import LoraFormat

SIDE = 64
FEW: dict[str, Any] = {"prompt": "wall", "num_inference_steps": 2, "seed": 1}
IMAGE = bytes_picture(SIDE, SIDE)


def nan_depth() -> np.ndarray:
    return np.where(np.arange(SIDE) == 3, np.nan, depth(SIDE, SIDE))


def truncated(folder: Path) -> str:
    path = folder / "cut.png"
    Image.fromarray(bytes_picture(128, 128)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    return str(path)


def bomb(folder: Path) -> str:
    """A small file that unpacks to 400 megapixels."""
    path = folder / "bomb.png"
    Image.new("1", (20000, 20000)).save(path)
    return str(path)


WRONG_REQUESTS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "width not a multiple of 8": ("width", lambda _: TextToImage(width=515, height=512, **FEW)),
    "picture not a multiple of 8": ("image", lambda _: ImageToImage(image=bytes_picture(60, 64), **FEW)),
    "NaN depth": ("depth", lambda _: DepthToImage(depth=nan_depth(), **FEW)),
    "negative depth": ("depth", lambda _: DepthToImage(depth=-depth(SIDE, SIDE), **FEW)),
    "depth and image of other sizes": ("image", lambda _: DepthToImage(depth=depth(64, 72), image=IMAGE, **FEW)),
    "mask and image of other sizes": ("mask", lambda _: Inpaint(image=IMAGE, mask=mask(64, 72), **FEW)),
    "truncated file": ("image", lambda folder: ImageToImage(image=truncated(folder), **FEW)),
    "decompression bomb": ("image", lambda folder: ImageToImage(image=bomb(folder), **FEW)),
    "missing file": ("image", lambda folder: ImageToImage(image=str(folder / "none.png"), **FEW)),
    "no frames": ("passes", lambda _: Animation(prompt="wall", passes=())),
    "strength without image": ("strength", lambda _: DepthToImage(depth=depth(64, 64), strength=0.5, **FEW)),
    "control of no time": ("end", lambda _: Control(kind="depth", image=IMAGE, start=0.5, end=0.5)),
    "seed too large": ("seed", lambda _: TextToImage(prompt="wall", seed=2**31)),
}


@pytest.mark.parametrize("case", WRONG_REQUESTS)
def test_a_wrong_request_cannot_be_made(case: str, tmp_path: Path) -> None:
    field, make = WRONG_REQUESTS[case]
    with pytest.raises(RequestError) as caught:
        make(tmp_path)
    assert_helpful(caught.value, field)


@pytest.fixture
def still_good(engine: Engine, tiny: Built) -> Iterator[str]:
    """The folder of a model that gives the same picture before and after the test."""
    model = str(tiny(TinyKind.SD1))
    request = TextToImage(width=SIDE, height=SIDE, model=model, scheduler="ddim", **FEW)
    before = engine.run(request).images[0]
    yield model
    assert np.array_equal(engine.run(request).images[0], before)


def test_an_unknown_scheduler_is_refused_with_those_that_exist(engine: Engine, still_good: str) -> None:
    error = refused(engine, TextToImage(scheduler="eulerr", model=still_good, **FEW), RequestError)
    assert_helpful(error, "scheduler")
    assert "euler_ancestral" in error.hint


def test_a_strength_that_leaves_no_step_is_refused(engine: Engine, still_good: str) -> None:
    request = ImageToImage(image=IMAGE, strength=0.1, model=still_good, **FEW)
    assert_helpful(refused(engine, request, RequestError), "strength")


def test_noise_under_the_mask_needs_full_strength(engine: Engine, still_good: str) -> None:
    request = Inpaint(image=IMAGE, mask=mask(SIDE, SIDE), strength=0.5, model=still_good, **FEW)
    assert_helpful(refused(engine, request, RequestError), "fill")


def test_a_seamless_picture_of_a_size_that_cannot_wrap_is_refused(engine: Engine, still_good: str) -> None:
    request = TextToImage(width=SIDE + 8, height=SIDE, seamless="x", model=still_good, **FEW)
    assert_helpful(refused(engine, request, RequestError), "width")


def test_a_control_of_another_size_is_refused(engine: Engine, still_good: str, controlnet: Built) -> None:
    control = Control(kind="depth", image=bytes_picture(SIDE, 72), model=str(controlnet(TinyKind.SD1)))
    with pytest.raises(RequestError) as caught:
        engine.run(ImageToImage(image=IMAGE, controls=(control,), model=still_good, **FEW))
    assert_helpful(caught.value, "controls")


def test_a_missing_model_is_named(engine: Engine, still_good: str, tmp_path: Path) -> None:
    name = str(tmp_path / "nowhere")
    assert_helpful(refused(engine, TextToImage(model=name, **FEW), ModelNotFound), name)


@pytest.mark.parametrize("file", ["unet/diffusion_pytorch_model.safetensors", "vae/config.json", "model_index.json"])
def test_missing_files_of_a_model_are_named(engine: Engine, still_good: str, tmp_path: Path, file: str) -> None:
    folder = tmp_path / "model"
    copytree(still_good, folder)
    (folder / file).unlink()
    error = refused(engine, TextToImage(model=str(folder), **FEW), ModelNotFound)
    assert_helpful(error, Path(file).name)


def test_corrupt_weights_are_named(engine: Engine, still_good: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    copytree(still_good, folder)
    weights = folder / "unet/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    assert_helpful(refused(engine, TextToImage(model=str(folder), **FEW), ModelMismatch), weights.name)


@pytest.mark.parametrize("layout", LoraFormat)
@pytest.mark.parametrize("kind", [TinyKind.SD2, TinyKind.SDXL])
def test_a_lora_of_another_family_is_refused(
    engine: Engine, still_good: str, lora: Built, kind: TinyKind, layout: LoraFormat
) -> None:
    file = lora(kind, layout)
    error = refused(engine, TextToImage(model=still_good, loras=(Lora(path=str(file)),), **FEW), ModelMismatch)
    assert_helpful(error, file.name)


@pytest.mark.parametrize("kind", [TinyKind.SD2, TinyKind.SDXL])
def test_a_controlnet_of_another_family_is_refused(
    engine: Engine, still_good: str, controlnet: Built, kind: TinyKind
) -> None:
    net = str(controlnet(kind))
    request = DepthToImage(depth=depth(SIDE, SIDE), controlnet=net, model=still_good, **FEW)
    assert_helpful(refused(engine, request, ModelMismatch), net)


@pytest.mark.parametrize(
    ("kind", "request_type", "fields"),
    [
        (TinyKind.SD1_INPAINT, TextToImage, {}),
        (TinyKind.SD1_INPAINT, ImageToImage, {"image": IMAGE}),
        (TinyKind.SD2_DEPTH, TextToImage, {}),
        (TinyKind.SD2_DEPTH, Inpaint, {"image": IMAGE, "mask": mask(SIDE, SIDE)}),
        (TinyKind.SD2_DEPTH, Upscale, {"image": IMAGE}),
        (TinyKind.SDXL_INPAINT, DepthToImage, {"depth": depth(SIDE, SIDE)}),
    ],
)
def test_a_model_made_for_another_task_is_refused(
    engine: Engine,
    still_good: str,
    tiny: Built,
    kind: TinyKind,
    request_type: type[TextToImage],
    fields: dict[str, Any],
) -> None:
    request = request_type(model=str(tiny(kind)), **fields, **FEW)
    error = refused(engine, request, ModelMismatch)
    assert_helpful(error, request_type.__name__)


@pytest.mark.parametrize(("fields", "field"), [({"device": "gpu"}, "device"), ({"dtype": "float8"}, "dtype")])
def test_an_engine_without_a_place_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        Engine(**fields)
    assert_helpful(caught.value, field)


def refused(engine: Engine, request: TextToImage, kind: type[SDError]) -> SDError:
    """The error of a run that fails, also after a second try."""
    with pytest.raises(kind) as first:
        engine.run(request)
    with pytest.raises(kind) as second:
        engine.run(request)
    assert str(first.value) == str(second.value)
    return first.value


def assert_helpful(error: SDError, named: str) -> None:
    """The error names the field or file, says what is wrong, and what to do."""
    assert named in str(error)
    assert error.message and error.hint
    assert "\n" not in str(error)
