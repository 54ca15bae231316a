"""Files that ask for more than any model has are refused before the work, and none is waited for."""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from sd_core import models
from sd_core.devices import Placement, choose_placement
from sd_core.errors import ModelMismatch, ModelNotFound
from sd_core.models import load_model
from sd_core.models.configurations import check_configurations
from sd_core.models.formats import MOST_TENSORS
from sd_core.models.lora_folder import find_lora
from sd_core.models.tensors import read_shapes
from tests.conftest import Built
from tests.tiny import TinyKind


@pytest.fixture
def placement() -> Placement:
    return choose_placement("cpu", "float32")


@pytest.mark.parametrize(
    ("file", "entry", "message"),
    [
        ("text_encoder/config.json", {"num_hidden_layers": 10**7}, "num_hidden_layers"),
        ("text_encoder/config.json", {"num_hidden_layers": 2000}, "num_hidden_layers"),
        ("text_encoder/config.json", {"text_config": {"hidden_size": 10**9}}, "hidden_size"),
        ("unet/config.json", {"block_out_channels": [32] * 5000}, "block_out_channels"),
        ("unet/config.json", {"layers_per_block": 60, "transformer_layers_per_block": 30}, "too many layers"),
        ("unet/config.json", {"transformer_layers_per_block": [[[1, 5000]]]}, "transformer_layers_per_block"),
        ("vae/config.json", {"layers_per_block": [900] * 900, "down_block_types": ["x"] * 900}, "too many layers"),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": 10**9}, "num_train_timesteps"),
        ("tokenizer/tokenizer_config.json", {"model_max_length": 10**30}, "model_max_length"),
    ],
)
def test_a_model_that_asks_for_more_than_any_has_is_refused_by_name(
    tiny: Built, placement: Placement, tmp_path: Path, file: str, entry: dict[str, Any], message: str
) -> None:
    folder = shutil.copytree(tiny(TinyKind.SD1), tmp_path / "model")
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | entry), "utf-8")
    with pytest.raises(ModelMismatch, match=rf"{path.name} .*{message}.*which no Stable Diffusion has"):
        load_model(str(folder), placement)


def test_the_configurations_of_published_models_are_none_of_these() -> None:
    parts = {path.parent for path in Path(models.__file__).parent.rglob("*.json")}
    assert len(parts) > 15
    for part in parts:
        check_configurations(part)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize(
    "file", ["model_index.json", "unet/config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"]
)
def test_a_pipe_in_a_model_is_refused_and_not_waited_for(
    tiny: Built, placement: Placement, tmp_path: Path, file: str
) -> None:
    folder = shutil.copytree(tiny(TinyKind.SD1), tmp_path / "model")
    (folder / file).unlink(missing_ok=True)
    os.mkfifo(folder / file)
    with pytest.raises((ModelMismatch, ModelNotFound)):
        load_model(str(folder), placement)


def test_a_file_of_countless_tensors_is_refused(tmp_path: Path) -> None:
    header = {f"{index}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for index in range(MOST_TENSORS + 1)}
    text, file = json.dumps(header).encode(), tmp_path / "many.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(ModelMismatch, match="holds more than"):
        read_shapes(file)


def test_a_pickle_whose_dictionaries_hold_one_another_many_times_is_refused(tmp_path: Path) -> None:
    held: dict[str, Any] = {"weight": torch.zeros(1)}
    for _ in range(3):
        held = {str(index): held for index in range(1000)}
    torch.save(held, tmp_path / "shared.ckpt")
    with pytest.raises(ModelMismatch, match="a pickle of more than"):
        read_shapes(tmp_path / "shared.ckpt", allow_pickle=True)


@pytest.mark.skipif(sys.platform != "linux", reason="a regular file that cannot be read takes Linux")
def test_a_file_that_gives_an_error_when_it_is_read_is_no_model(placement: Placement) -> None:
    with pytest.raises(ModelMismatch, match="/proc/self/mem cannot be read"):
        load_model("/proc/self/mem", placement)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "x/" * 3000, "\udc80/x", "~nobody-of-this-name/x"])
def test_what_can_be_no_file_name_is_no_model(placement: Placement, name: str) -> None:
    for find in (lambda: load_model(name, placement, offline=True), lambda: find_lora(name)):
        with pytest.raises(ModelNotFound):
            find()
