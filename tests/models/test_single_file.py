"""Checkpoints in one file: the same model as the folder it was made from, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from sd_core.devices import Placement
from sd_core.errors import ModelMismatch
from sd_core.models import UNetInput, load_model
from sd_core.models.clip_tokenizer import clip_tokenizer
from sd_core.models.families import unet_input_of
from sd_core.models.single_file import load_single_file
from tests.conftest import Built
from tests.models.original_layout import write_single_file
from tests.tiny import TinyKind
from tests.tiny_adapters import LoraFormat

CONFIGS = Path(load_single_file.__code__.co_filename).parent / "configs"
# Parameters of the published checkpoints.
PUBLISHED = {
    "sd1": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "sd2": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "sdxl": {"unet": 2_567_463_684, "vae": 83_653_863, "text_encoder": 123_060_480, "text_encoder_2": 694_659_840},
}


@pytest.fixture(scope="module")
def pipeline(tiny: Built) -> StableDiffusionPipeline:
    """A tiny SD 1 with CLIP's own vocabulary, which single files imply."""
    made = StableDiffusionPipeline.from_pretrained(tiny(TinyKind.SD1), local_files_only=True)
    config = CLIPTextConfig(**{**made.text_encoder.config.to_dict(), "vocab_size": 49408, "eos_token_id": 2})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made.text_encoder = CLIPTextModel(config).eval()
    made.tokenizer = clip_tokenizer()
    return made


@pytest.fixture(scope="module")
def folder(pipeline: StableDiffusionPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, in diffusers' layout."""
    path = tmp_path_factory.mktemp("single") / "folder"
    pipeline.save_pretrained(path)
    return path


def run(pipeline: StableDiffusionPipeline) -> torch.Tensor:
    """Final latents of two steps."""
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    return pipeline(
        "a red wall", num_inference_steps=2, generator=generator, output_type="latent", height=64, width=64
    ).images


def test_a_single_file_gives_what_its_folder_gives(
    pipeline: StableDiffusionPipeline, folder: Path, placement: Placement, tmp_path: Path
) -> None:
    file = write_single_file(pipeline, tmp_path / "wall.safetensors")
    single = load_single_file(file, placement, configs=folder)
    assert torch.equal(run(pipeline), run(single))
    assert single.scheduler.config.prediction_type == "epsilon"
    pixels = torch.zeros(1, 3, 32, 32)
    assert torch.equal(pipeline.vae.encode(pixels).latent_dist.mean, single.vae.encode(pixels).latent_dist.mean)


@pytest.mark.parametrize(("stated", "expected"), [("v", "v_prediction"), ("epsilon", "epsilon")])
def test_what_the_file_says_it_predicts_is_believed(
    pipeline: StableDiffusionPipeline, folder: Path, placement: Placement, tmp_path: Path, stated: str, expected: str
) -> None:
    file = write_single_file(pipeline, tmp_path / "wall.safetensors", {"modelspec.prediction_type": stated})
    assert load_single_file(file, placement, configs=folder).scheduler.config.prediction_type == expected


def test_input_channels_are_read_from_the_file(
    pipeline: StableDiffusionPipeline, folder: Path, placement: Placement, tmp_path: Path
) -> None:
    file = write_single_file(pipeline, tmp_path / "wall.safetensors")
    tensors = load_file(file)
    first = "model.diffusion_model.input_blocks.0.0.weight"
    tensors[first] = torch.cat([tensors[first], torch.zeros(tensors[first].shape[0], 5, 3, 3)], dim=1)
    save_file(tensors, file)
    assert unet_input_of(load_single_file(file, placement, configs=folder)) is UNetInput.INPAINT


def test_a_pickled_checkpoint_opens_only_when_trusted(
    pipeline: StableDiffusionPipeline, folder: Path, placement: Placement, tmp_path: Path
) -> None:
    tensors = load_file(write_single_file(pipeline, tmp_path / "wall.safetensors"))
    file = tmp_path / "wall.ckpt"
    torch.save({"state_dict": tensors}, file)
    with pytest.raises(ModelMismatch, match=r"wall\.ckpt is a pickle"):
        load_model(str(file), placement)
    assert torch.equal(run(pipeline), run(load_single_file(file, placement, configs=folder, allow_pickle=True)))


def test_the_environment_allows_pickles_of_weights(
    pipeline: StableDiffusionPipeline,
    folder: Path,
    placement: Placement,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "wall"
    torch.save({"state_dict": load_file(write_single_file(pipeline, tmp_path / "wall.safetensors"))}, file)
    monkeypatch.setenv("SD_CORE_ALLOW_PICKLE", "1")
    assert torch.equal(run(pipeline), run(load_single_file(file, placement, configs=folder)))
    with pytest.raises(ModelMismatch, match="is a pickle"):
        load_single_file(file, placement, configs=folder, allow_pickle=False)


@pytest.mark.parametrize("name", ["wall.sft", "wall.SAFETENSORS", "wall.ckpt", "wall.gguf", "wall.bin", "wall"])
def test_safetensors_load_by_their_content_under_any_name(
    pipeline: StableDiffusionPipeline, folder: Path, placement: Placement, tmp_path: Path, name: str
) -> None:
    file = write_single_file(pipeline, tmp_path / name, {"modelspec.prediction_type": "v"})
    single = load_single_file(file, placement, configs=folder)
    assert single.scheduler.config.prediction_type == "v_prediction"
    for part in ("unet", "vae", "text_encoder"):
        expected, loaded = getattr(pipeline, part).state_dict(), getattr(single, part).state_dict()
        assert expected.keys() == loaded.keys()
        assert all(torch.equal(tensor, loaded[key]) for key, tensor in expected.items())


def test_what_diffusers_makes_of_the_file_is_the_same_to_the_bit(
    pipeline: StableDiffusionPipeline, folder: Path, placement: Placement, tmp_path: Path
) -> None:
    file = write_single_file(pipeline, tmp_path / "wall.safetensors")
    stock = StableDiffusionPipeline.from_single_file(
        str(file), config=str(folder), local_files_only=True, safety_checker=None, tokenizer=clip_tokenizer()
    )
    single = load_single_file(file, placement, configs=folder)
    assert torch.equal(run(stock), run(single))
    private = ("_name_or_path",)
    ours, theirs = ({k: v for k, v in p.config.items() if k not in private} for p in (single, stock))
    assert ours == theirs


def test_a_file_without_all_its_weights_is_refused(
    pipeline: StableDiffusionPipeline, folder: Path, placement: Placement, tmp_path: Path
) -> None:
    file = write_single_file(pipeline, tmp_path / "wall.safetensors")
    tensors = load_file(file)
    del tensors["first_stage_model.decoder.conv_out.weight"]
    save_file(tensors, file)
    with pytest.raises(ModelMismatch, match=r"wall\.safetensors lacks weights that every sd1 model has"):
        load_single_file(file, placement, configs=folder)


@pytest.mark.parametrize(
    ("without", "named"), [("first_stage_model.", "an autoencoder"), ("cond_stage_model.", "a text encoder")]
)
def test_a_file_without_a_part_is_refused(
    pipeline: StableDiffusionPipeline, placement: Placement, tmp_path: Path, without: str, named: str
) -> None:
    file = write_single_file(pipeline, tmp_path / "wall.safetensors")
    save_file({name: t for name, t in load_file(file).items() if not name.startswith(without)}, file)
    with pytest.raises(ModelMismatch, match=rf"lacks {named}"):
        load_model(str(file), placement)


def test_a_lora_is_no_model(lora: Built, placement: Placement) -> None:
    with pytest.raises(ModelMismatch, match="is a LoRA, no model"):
        load_model(str(lora(TinyKind.SD1, LoraFormat.KOHYA)), placement)


def test_a_damaged_file_is_named(placement: Placement, tmp_path: Path) -> None:
    file = tmp_path / "broken.safetensors"
    file.write_bytes(b"\x10" + bytes(40))
    with pytest.raises(ModelMismatch, match=r"broken\.safetensors is damaged.*get it again"):
        load_model(str(file), placement)


@pytest.mark.parametrize("family", list(PUBLISHED))
def test_the_shipped_configurations_have_the_size_of_the_published_models(family: str) -> None:
    root = CONFIGS / family
    with init_empty_weights():
        networks = {
            "unet": UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(root / "unet")),
            "vae": AutoencoderKL.from_config(AutoencoderKL.load_config(root / "vae")),
            "text_encoder": CLIPTextModel(CLIPTextConfig.from_pretrained(root / "text_encoder")),
        }
        if (root / "text_encoder_2").is_dir():
            config = CLIPTextConfig.from_pretrained(root / "text_encoder_2")
            networks["text_encoder_2"] = CLIPTextModelWithProjection(config)
    sizes = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    assert sizes == PUBLISHED[family]


def test_the_tokenizer_gives_clips_own_ids() -> None:
    tokenizer = clip_tokenizer()
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert tokenizer("Hello, world!").input_ids == [49406, 3306, 267, 1002, 256, 49407]
    assert (len(tokenizer), tokenizer.pad_token_id, clip_tokenizer("!").pad_token_id) == (49408, 49407, 0)
