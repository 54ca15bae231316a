import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionPipeline
from PIL import Image

from sd_core.errors import ModelNotFound, RequestError
from sd_core.training.config import Size, Stage, TrainConfig
from sd_core.training.loop import CHECKPOINT
from sd_core.training.stages import train

pytestmark = pytest.mark.filterwarnings("ignore")

DATA = ("crops", "pictures", "surfaces", "model")


def _tiny(stage: Stage, **changes: int) -> TrainConfig:
    return replace(TrainConfig.default(stage, size=Size.TINY), **changes)


def _prepared(trained: Path, out: Path) -> Path:
    for name in DATA:
        shutil.copytree(trained / name, out / name)
    return out


def _weights(out: Path, stage: Stage) -> dict[str, torch.Tensor]:
    return torch.load(out / stage / CHECKPOINT, weights_only=True)["average"]


def _equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_the_result_loads_as_a_stock_pipeline_and_draws(trained: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(trained / "model")
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline("a red brick wall", height=64, width=96, num_inference_steps=2, output_type="np").images[0]
    assert picture.shape == (64, 96, 3)
    assert np.isfinite(picture).all()


def test_the_result_loads_as_a_stock_controlnet_pipeline(trained: Path) -> None:
    controlnet = ControlNetModel.from_pretrained(trained / "model" / "controlnet")
    pipeline = StableDiffusionControlNetPipeline.from_pretrained(trained / "model", controlnet=controlnet)
    pipeline.set_progress_bar_config(disable=True)
    depth = Image.fromarray(np.full((64, 64, 3), 128, np.uint8))
    picture = pipeline("a brick box", image=depth, num_inference_steps=2, output_type="np").images[0]
    assert picture.shape == (64, 64, 3)


def test_weights_are_half_precision_safetensors(trained: Path) -> None:
    files = [path for path in (trained / "model").rglob("*") if path.suffix in {".safetensors", ".bin", ".pt", ".ckpt"}]
    assert {path.suffix for path in files} == {".safetensors"}
    unet = StableDiffusionPipeline.from_pretrained(trained / "model", torch_dtype=torch.float16).unet
    assert {parameter.dtype for parameter in unet.parameters()} == {torch.float16}


def test_every_stage_that_draws_leaves_a_sample_sheet(trained: Path) -> None:
    for stage in set(Stage) - {Stage.TEXT_ENCODER}:
        assert list((trained / stage).glob("sheet-*.jpg"))


@pytest.mark.parametrize("stage", [Stage.AUTOENCODER, Stage.UNET, Stage.MAPS])
def test_a_run_cut_and_resumed_equals_a_run(stage: Stage, trained: Path, tmp_path: Path) -> None:
    out = _prepared(trained, tmp_path)
    # closing the generator on the report of step 4 loses what followed the checkpoint of step 2
    generator = train(_tiny(stage, sheet_every=100), out)
    next(progress for progress in generator if progress.phase == "train")
    generator.close()
    assert torch.load(out / stage / CHECKPOINT, weights_only=True)["step"] == 2
    list(train(_tiny(stage, sheet_every=100), out))
    assert _equal(_weights(out, stage), _weights(trained, stage))


def test_another_seed_gives_other_weights(trained: Path, tmp_path: Path) -> None:
    out = _prepared(trained, tmp_path)
    list(train(_tiny(Stage.AUTOENCODER, seed=1), out))
    assert not _equal(_weights(out, Stage.AUTOENCODER), _weights(trained, Stage.AUTOENCODER))


def test_a_checkpoint_of_another_seed_is_refused(trained: Path, tmp_path: Path) -> None:
    out = _prepared(trained, tmp_path)
    shutil.copytree(trained / Stage.AUTOENCODER, out / Stage.AUTOENCODER)
    with pytest.raises(RequestError, match="seed"):
        list(train(_tiny(Stage.AUTOENCODER, seed=1), out))


@pytest.mark.slow
def test_two_processes_train_one_model(trained: Path, tmp_path: Path) -> None:
    out = _prepared(trained, tmp_path)
    config = _tiny(Stage.AUTOENCODER, processes=2)
    reports = list(train(config, out))
    assert reports[-1].done == config.steps
    assert (out / "model" / "vae" / "diffusion_pytorch_model.safetensors").is_file()


def test_progress_counts_up_to_the_end(trained: Path, tmp_path: Path) -> None:
    reports = [report for report in train(_tiny(Stage.UNET), _prepared(trained, tmp_path)) if report.phase == "train"]
    assert all(first.done <= second.done for first, second in itertools.pairwise(reports))
    assert reports[-1].done == reports[-1].count
    assert reports[-1].seconds_left == 0


def test_a_stage_started_from_a_model_gives_a_whole_model(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "pictures", tmp_path / "pictures")
    list(train(_tiny(Stage.CONTROLNET), tmp_path, start=trained / "model"))
    before, after = (StableDiffusionPipeline.from_pretrained(out / "model") for out in (trained, tmp_path))
    for name in ("unet", "vae", "text_encoder"):
        assert _equal(before.components[name].state_dict(), after.components[name].state_dict()), f"{name} is as it was"
    assert (tmp_path / "model" / "controlnet" / "diffusion_pytorch_model.safetensors").is_file()


@pytest.mark.slow
def test_a_model_that_learns_to_read_again_is_whole_and_reads_otherwise(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "pictures", tmp_path / "pictures")
    list(train(_tiny(Stage.TEXT_ENCODER, seed=1), tmp_path, start=trained / "model"))
    list(train(_tiny(Stage.TOGETHER), tmp_path, start=tmp_path / "model"))
    before, after = (StableDiffusionPipeline.from_pretrained(out / "model") for out in (trained, tmp_path))
    assert before.tokenizer.get_vocab() == after.tokenizer.get_vocab()
    words = [part.text_encoder.get_input_embeddings().weight for part in (before, after)]
    assert not torch.equal(*words)


def test_a_stage_without_the_one_before_says_so(tmp_path: Path, trained: Path) -> None:
    shutil.copytree(trained / "pictures", tmp_path / "pictures")
    with pytest.raises(ModelNotFound, match="autoencoder"):
        list(train(_tiny(Stage.UNET), tmp_path))


def test_the_decoder_stage_leaves_the_encoder_alone(trained: Path) -> None:
    before, after = (_weights(trained, stage) for stage in (Stage.AUTOENCODER, Stage.DECODER))
    encoder = [name for name in after if name.startswith("autoencoder.encoder")]
    assert encoder
    assert all(torch.equal(after[name], before[name].half().float()) for name in encoder)


def test_no_steps_is_refused() -> None:
    with pytest.raises(RequestError, match="steps"):
        _tiny(Stage.UNET, steps=0)
