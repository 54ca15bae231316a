"""ControlNets: chosen by kind, checked against the model's family."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from sd_core.devices import Placement
from sd_core.errors import ModelMismatch, ModelNotFound, RequestError
from sd_core.models import load_control_network, load_model
from sd_core.models.catalogue import CATALOGUE, CONTROLNETS
from sd_core.models.files import read_shapes
from sd_core.models.sources import find_source, model_identity
from tests.conftest import Built
from tests.models.conftest import Loaded
from tests.tiny import TinyKind

WEIGHTS = "diffusion_pytorch_model.safetensors"


def test_a_controlnet_of_the_family_loads_with_its_weights(loaded: Loaded, controlnet: Built) -> None:
    folder = controlnet(TinyKind.SD1)
    network = load_control_network(str(folder), "depth", loaded(TinyKind.SD1))
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes == dict(read_shapes(folder / WEIGHTS))
    assert network.dtype == torch.float32 and not network.training


@pytest.mark.parametrize("network", ["controlnet", "t2i_adapter"])
def test_half_precision_files_are_enough(
    loaded: Loaded, network: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    made: Built = request.getfixturevalue(network)
    folder = shutil.copytree(made(TinyKind.SD1), tmp_path / "half")
    (folder / WEIGHTS).rename(folder / "diffusion_pytorch_model.fp16.safetensors")
    assert load_control_network(str(folder), "depth", loaded(TinyKind.SD1)).dtype == torch.float32


@pytest.mark.parametrize(
    ("made_for", "used_on"),
    [(TinyKind.SD1, TinyKind.SD2), (TinyKind.SD1, TinyKind.SDXL), (TinyKind.SDXL, TinyKind.SD1)],
)
def test_a_controlnet_of_another_family_is_refused(
    loaded: Loaded, controlnet: Built, made_for: TinyKind, used_on: TinyKind
) -> None:
    model = loaded(used_on)
    with pytest.raises(ModelMismatch, match=f"was made for .* is {model.family}"):
        load_control_network(str(controlnet(made_for)), "depth", model)


def test_a_model_brings_its_own_depth_controlnet(
    tiny: Built, controlnet: Built, placement: Placement, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny(TinyKind.SD1), tmp_path / "model")
    shutil.copytree(controlnet(TinyKind.SD1), folder / "controlnet")
    model = load_model(str(folder), placement)
    assert load_control_network(None, "depth", model).config.cross_attention_dim == 32


def test_a_kind_that_nobody_published_is_refused_with_those_that_exist(loaded: Loaded) -> None:
    with pytest.raises(RequestError, match="no normal ControlNet is known for sdxl; name one, or use depth, canny"):
        load_control_network(None, "normal", loaded(TinyKind.SDXL))


def test_missing_files_are_named(loaded: Loaded, controlnet: Built, tmp_path: Path) -> None:
    folder = shutil.copytree(controlnet(TinyKind.SD1), tmp_path / "broken")
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelNotFound, match=f"files are missing: {WEIGHTS}"):
        load_control_network(str(folder), "depth", loaded(TinyKind.SD1))


def test_a_damaged_file_is_named(loaded: Loaded, controlnet: Built, tmp_path: Path) -> None:
    folder = shutil.copytree(controlnet(TinyKind.SD1), tmp_path / "broken")
    (folder / WEIGHTS).write_bytes(b"no tensors here")
    with pytest.raises(ModelMismatch, match=f"{WEIGHTS} is damaged"):
        load_control_network(str(folder), "depth", loaded(TinyKind.SD1))


def test_another_network_is_no_controlnet(loaded: Loaded, tiny: Built) -> None:
    with pytest.raises(ModelMismatch, match="UNet2DConditionModel, no ControlNet or T2I-Adapter"):
        load_control_network(str(tiny(TinyKind.SD1) / "unet"), "depth", loaded(TinyKind.SD1))


@pytest.mark.parametrize("named", [False, True])
def test_a_folder_that_is_called_like_a_known_controlnet_is_never_taken_for_it(
    loaded: Loaded, controlnet: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    known = CONTROLNETS[loaded(TinyKind.SD1).family]["depth"]
    shutil.copytree(controlnet(TinyKind.SD1), tmp_path / known)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelNotFound, match="not on this machine"):
        load_control_network(known if named else None, "depth", loaded(TinyKind.SD1))


def test_a_folder_that_is_called_like_a_known_model_is_never_taken_for_it(
    tiny: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = CATALOGUE["sd15"].hub_id
    shutil.copytree(tiny(TinyKind.SD1), tmp_path / known)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFound, match="not on this machine"):
        find_source(known, offline=True)
    assert not any(str(tmp_path) in str(entry) for entry in model_identity(known))
