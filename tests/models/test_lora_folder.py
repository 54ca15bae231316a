"""The LoRA folder: what is in it goes by its name there, and what is not is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sd_core.devices import choose_placement
from sd_core.errors import ModelNotFound
from sd_core.models import Family, LoraInfo, list_loras, load_model
from sd_core.models.lora_folder import find_lora
from sd_core.models.weights import find_weights


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SD_CORE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "loras"


def write(path: Path, shapes: dict[str, tuple[int, ...]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, path)
    return path


def test_without_the_folder_there_are_no_loras(folder: Path) -> None:
    assert list_loras() == []


def test_files_are_listed_by_name_with_the_family_that_they_fit(folder: Path) -> None:
    key = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight"
    write(folder / "styles" / "old paint.safetensors", {key: (4, 768)})
    write(folder / "Brick.safetensors", {"lora_te2_q_proj.lora_down.weight": (4, 1280)})
    write(folder / "cat.safetensors", {"<cat>": (2, 1024)})
    (folder / "damaged.safetensors").write_bytes(b"nothing")
    (folder / "notes.txt").write_text("no LoRA")
    found = list_loras()
    assert [(info.name, info.family, info.inversion) for info in found] == [
        ("Brick.safetensors", Family.SDXL, False),
        ("cat.safetensors", Family.SD2, True),
        ("damaged.safetensors", None, False),
        ("styles/old paint.safetensors", Family.SD1, False),
    ]
    assert [info.name for info in found if info.problem] == ["damaged.safetensors"]
    assert all(isinstance(info, LoraInfo) and info.size == (folder / info.name).stat().st_size for info in found)


def test_a_name_is_the_file_in_the_folder_and_a_path_is_itself(folder: Path) -> None:
    held = write(folder / "styles" / "brick.safetensors", {"a": (1,)})
    other = write(folder.parent / "elsewhere" / "brick.safetensors", {"a": (1,)})
    assert find_lora("styles/brick.safetensors") == held
    assert find_lora(str(other)) == other
    assert find_lora("elsewhere/brick.safetensors") == Path("elsewhere/brick.safetensors")


def test_a_name_that_is_not_there_is_reported_with_what_to_do(folder: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"brick\.safetensors.*not in the LoRA folder.*put it there"):
        find_lora("brick.safetensors")


def test_no_name_leads_out_of_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = write(folder.parent / "outside.safetensors", {"a": (1,)})
    (folder / "deep").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep")
    assert (folder / "../outside.safetensors").resolve() == outside.resolve()
    with pytest.raises(ModelNotFound):
        find_lora("../outside.safetensors")


def test_a_file_that_is_not_there_is_not_asked_of_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    for name in ("mylib/mistyped.safetensors", "mylib/old.ckpt"):
        with pytest.raises(ModelNotFound, match=r"no such file|is not in the LoRA folder"):
            find_weights(name, offline=False)


def test_a_folder_of_anything_is_reported_to_be_no_model_before_it_is_searched() -> None:
    with pytest.raises(ModelNotFound, match="has no model_index"):
        load_model("/", choose_placement("cpu", "float32"))
