"""Loading: what a checkpoint is, and what is said of one that cannot be used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sd_core.devices import Placement, choose_placement
from sd_core.errors import ModelMismatch, ModelNotFound
from sd_core.models import CATALOGUE, Family, UNetInput, load_model, parameter_bytes
from sd_core.models.folder import load_folder
from sd_core.models.loading import estimate_bytes
from tests.conftest import Built
from tests.models.conftest import Loaded
from tests.tiny import FAMILY, TinyKind

UNET_INPUT = {
    TinyKind.SD2_DEPTH: UNetInput.DEPTH,
    TinyKind.SD1_INPAINT: UNetInput.INPAINT,
    TinyKind.SDXL_INPAINT: UNetInput.INPAINT,
}
DISTILLED = (TinyKind.SD_TURBO, TinyKind.LCM, TinyKind.SDXL_LIGHTNING)
UNET = "diffusion_pytorch_model.safetensors"


def copied(tiny: Built, tmp_path: Path, kind: TinyKind = TinyKind.SD1) -> Path:
    """A tiny pipeline that a test may break."""
    return shutil.copytree(tiny(kind), tmp_path / "model")


@pytest.mark.parametrize("kind", list(TinyKind))
def test_family_and_input_are_read_from_the_parts(loaded: Loaded, kind: TinyKind) -> None:
    model = loaded(kind)
    assert model.family == Family(FAMILY[kind])
    assert model.unet_input is UNET_INPUT.get(kind, UNetInput.TEXT)
    assert len(model.text_encoders) == len(model.tokenizers) == (2 if model.family is Family.SDXL else 1)
    assert (model.defaults.width, model.defaults.height) == (64, 64)


@pytest.mark.parametrize("kind", list(TinyKind))
def test_distilled_checkpoints_take_few_steps(loaded: Loaded, kind: TinyKind) -> None:
    defaults = loaded(kind).defaults
    assert (defaults.num_inference_steps <= 8) == (kind in DISTILLED)
    if kind in (TinyKind.SD_TURBO, TinyKind.SDXL_LIGHTNING):
        assert defaults.guidance_scale <= 1


def test_the_weights_are_those_of_the_file(loaded: Loaded, tiny: Built) -> None:
    stored = load_file(tiny(TinyKind.SD1) / "unet" / UNET)
    state = loaded(TinyKind.SD1).unet.state_dict()
    assert state.keys() == stored.keys()
    assert all(torch.equal(state[name], stored[name]) for name in stored)


def test_every_network_gets_its_number_format(tiny: Built) -> None:
    placement = choose_placement("cpu", "bfloat16")
    model = load_model(str(tiny(TinyKind.SDXL)), placement)
    assert {model.unet.dtype, model.vae.dtype, *(e.dtype for e in model.text_encoders)} == {torch.bfloat16}


def test_the_estimate_before_loading_is_what_the_parameters_take(
    tiny: Built, loaded: Loaded, placement: Placement
) -> None:
    model = loaded(TinyKind.SDXL)
    buffers = sum(b.numel() * b.element_size() for m in model.modules() for b in m.buffers())
    assert estimate_bytes(str(tiny(TinyKind.SDXL)), placement) == pytest.approx(parameter_bytes(model), abs=buffers)


def test_a_half_precision_variant_is_found(tiny: Built, placement: Placement, tmp_path: Path) -> None:
    folder = copied(tiny, tmp_path)
    (folder / "unet" / UNET).rename(folder / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    assert load_model(str(folder), placement).unet.dtype == torch.float32


@pytest.mark.parametrize(
    "file",
    [f"unet/{UNET}", f"vae/{UNET}", "text_encoder/model.safetensors", "unet/config.json", "tokenizer/merges.txt"],
)
def test_missing_files_are_named_with_the_remedy(tiny: Built, placement: Placement, tmp_path: Path, file: str) -> None:
    folder = copied(tiny, tmp_path)
    for path in (folder / "tokenizer").glob("*") if "tokenizer" in file else [folder / file]:
        path.unlink()
    with pytest.raises(ModelNotFound, match=rf"files are missing:.*{file}.*get the model again"):
        load_model(str(folder), placement)


def test_a_damaged_file_is_named(tiny: Built, placement: Placement, tmp_path: Path) -> None:
    folder = copied(tiny, tmp_path)
    file = folder / "unet" / UNET
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelMismatch, match=rf"{UNET} is damaged.*get it again"):
        load_model(str(folder), placement)


def test_a_damaged_index_is_named(tiny: Built, placement: Placement, tmp_path: Path) -> None:
    folder = copied(tiny, tmp_path)
    (folder / "model_index.json").write_text("{")
    with pytest.raises(ModelMismatch, match=r"model_index\.json is damaged"):
        load_model(str(folder), placement)


def test_pickles_are_opened_only_when_trusted(tiny: Built, placement: Placement, tmp_path: Path) -> None:
    folder = copied(tiny, tmp_path)
    torch.save(load_file(folder / "unet" / UNET), folder / "unet" / "diffusion_pytorch_model.bin")
    (folder / "unet" / UNET).unlink()
    with pytest.raises(ModelMismatch, match=r"\.bin is a pickle.*SD_CORE_ALLOW_PICKLE=1"):
        load_model(str(folder), placement)
    assert load_model(str(folder), placement, allow_pickle=True).family is Family.SD1


def test_a_distilled_unet_takes_the_place_of_its_checkpoints(tiny: Built, placement: Placement, tmp_path: Path) -> None:
    folder = copied(tiny, tmp_path, TinyKind.SDXL)
    distilled = tmp_path / "distilled.safetensors"
    tensors = {name: tensor + 1 for name, tensor in load_file(folder / "unet" / UNET).items()}
    save_file(tensors, distilled)
    (folder / "unet" / UNET).unlink()
    pipeline = load_folder(folder, placement, unet=distilled, entry=CATALOGUE["sdxl-lightning"])
    state = pipeline.unet.state_dict()
    assert state.keys() == tensors.keys() and all(torch.equal(state[name], tensors[name]) for name in tensors)
    assert pipeline.scheduler.config.timestep_spacing == "trailing"


def test_another_number_of_channels_is_refused(tiny: Built, placement: Placement, tmp_path: Path) -> None:
    from diffusers import UNet2DConditionModel

    folder = copied(tiny, tmp_path)
    config = UNet2DConditionModel.load_config(folder / "unet")
    UNet2DConditionModel.from_config(config, in_channels=8).save_pretrained(folder / "unet")
    with pytest.raises(ModelMismatch, match="UNet reads 8 channels where the autoencoder makes 4"):
        load_model(str(folder), placement)


def test_another_architecture_is_refused(tiny: Built, placement: Placement, tmp_path: Path) -> None:
    folder = copied(tiny, tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = index.pop("unet")
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "FluxPipeline"}))
    with pytest.raises(ModelMismatch, match="FluxPipeline, which has no UNet"):
        load_model(str(folder), placement)


def test_a_folder_without_index_is_no_model(placement: Placement, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"no model_index\.json"):
        load_model(str(tmp_path), placement)


def test_a_misspelt_name_gets_a_suggestion(placement: Placement) -> None:
    with pytest.raises(ModelNotFound, match="did you mean 'sdxl-turbo'"):
        load_model("sdxl_turbo", placement)


def test_offline_the_message_says_what_is_missing(placement: Placement) -> None:
    with pytest.raises(
        ModelNotFound, match=r"offline, and not on this machine: all of stable-diffusion-v1-5.*pull sd15"
    ):
        load_model("sd15", placement, offline=True)


def test_loading_leaves_the_libraries_as_talkative_as_they_were(
    tiny: Built, placement: Placement, capfd: pytest.CaptureFixture[str]
) -> None:
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    def state() -> list[object]:
        return [
            f()
            for lib in (diffusers_logging, transformers_logging)
            for f in (lib.get_verbosity, lib.is_progress_bar_enabled)
        ]

    before, folder = state(), str(tiny(TinyKind.SD2))
    capfd.readouterr()
    load_model(folder, placement)
    assert state() == before
    assert capfd.readouterr() == ("", "")
