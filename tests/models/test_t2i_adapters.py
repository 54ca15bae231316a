"""T2I-Adapters: known by their configuration, checked against the blocks of the model's UNet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import T2IAdapter, UNet2DConditionModel

from sd_core.errors import ModelMismatch, ModelNotFound
from sd_core.models import load_control_network
from sd_core.models.files import read_shapes
from sd_core.models.t2i_adapters import adapter_features, unet_features
from tests.conftest import Built
from tests.models.conftest import Loaded
from tests.tiny import TinyKind

WEIGHTS = "diffusion_pytorch_model.safetensors"

WIDTHS = [320, 640, 1280, 1280]
PUBLISHED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "full": (
        {"adapter_type": "full_adapter", "channels": WIDTHS},
        {"block_out_channels": WIDTHS, "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)},
    ),
    "light": (
        {"adapter_type": "light_adapter", "channels": WIDTHS[:3]},
        {"block_out_channels": WIDTHS, "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)},
    ),
    "sdxl": (
        {"adapter_type": "full_adapter_xl", "channels": WIDTHS, "downscale_factor": 16},
        {"block_out_channels": WIDTHS[:3], "down_block_types": ("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2},
    ),
}
"""The layouts of the published adapters, and of the UNets that they were made for."""


def unet_of(layout: dict[str, Any]) -> UNet2DConditionModel:
    """Of the published widths, without weights."""
    up = tuple(name.replace("Down", "Up") for name in reversed(layout["down_block_types"]))
    with torch.device("meta"):
        return UNet2DConditionModel(**layout, up_block_types=up, layers_per_block=1, cross_attention_dim=32)


@pytest.mark.parametrize("made_for", PUBLISHED)
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_adapters_make_what_their_unets_take_and_no_others(name: str, made_for: str) -> None:
    config, _ = PUBLISHED[name]
    made = adapter_features(Path("adapter"), config)
    taken = list(unet_features(unet_of(PUBLISHED[made_for][1]), 8))
    assert (made == taken[: len(made)]) == ((name == "sdxl") == (made_for == "sdxl"))


@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SD2, TinyKind.SDXL])
def test_an_adapter_of_the_family_loads_with_its_weights(loaded: Loaded, t2i_adapter: Built, kind: TinyKind) -> None:
    folder = t2i_adapter(kind)
    network = load_control_network(str(folder), "depth", loaded(kind))
    assert isinstance(network, T2IAdapter) and network.dtype == torch.float32 and not network.training
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes == dict(read_shapes(folder / WEIGHTS))


@pytest.mark.parametrize(
    ("made_for", "used_on"),
    [(TinyKind.SD1, TinyKind.SDXL), (TinyKind.SD2, TinyKind.SDXL), (TinyKind.SDXL, TinyKind.SD1)],
)
def test_an_adapter_of_another_family_is_refused(
    loaded: Loaded, t2i_adapter: Built, made_for: TinyKind, used_on: TinyKind
) -> None:
    model = loaded(used_on)
    with pytest.raises(ModelMismatch, match=f"does not fit .* is {model.family}: it makes 8 channels at") as caught:
        load_control_network(str(t2i_adapter(made_for)), "depth", model)
    assert caught.value.hint == f"use a T2I-Adapter made for {model.family}"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"adapter_type": "heavy_adapter"}, "cannot be read: .*heavy_adapter"),
        ({"in_channels": 4}, "reads 4 channels; name one that reads colour or grey"),
        (
            {"channels": [16, 32]},
            "it makes 16 channels at 1/8, 32 channels at 1/16, where the UNet takes 8 channels at 1/8",
        ),
    ],
)
def test_an_adapter_that_cannot_serve_is_refused_with_the_reason(
    loaded: Loaded, t2i_adapter: Built, tmp_path: Path, changed: dict[str, Any], complaint: str
) -> None:
    folder = shutil.copytree(t2i_adapter(TinyKind.SD1), tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changed))
    with pytest.raises(ModelMismatch, match=complaint):
        load_control_network(str(folder), "depth", loaded(TinyKind.SD1))


def test_missing_and_damaged_files_are_named(loaded: Loaded, t2i_adapter: Built, tmp_path: Path) -> None:
    folder = shutil.copytree(t2i_adapter(TinyKind.SD1), tmp_path / "broken")
    (folder / WEIGHTS).write_bytes(b"no tensors here")
    with pytest.raises(ModelMismatch, match=f"{WEIGHTS} is damaged"):
        load_control_network(str(folder), "depth", loaded(TinyKind.SD1))
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelNotFound, match=f"files are missing: {WEIGHTS}"):
        load_control_network(str(folder), "depth", loaded(TinyKind.SD1))
