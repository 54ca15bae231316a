"""Image to image, and depth to image on an SD2-depth model, give diffusers' own latents."""

from __future__ import annotations

import diffusers
import pytest
import torch

from sd_core import DepthToImage, ImageToImage
from sd_core.engine import Engine
from sd_core.passes import depth_control
from tests.conftest import Built
from tests.engine.pictures import depth, picture
from tests.engine.stock import (
    HEIGHT,
    NEGATIVE,
    PROMPT,
    SEVEN,
    WIDTH,
    as_tensor,
    assert_same_latents,
    pipeline_class,
    stock,
    stock_latents,
    stock_scheduler,
)
from tests.tiny import TinyKind

SEED = 11
IMAGE = picture(HEIGHT, WIDTH, seed=1)
OTHERS = (
    *("ddpm", "deis", "dpm2", "dpm2_ancestral", "dpmpp_2m_sde", "dpmpp_2s", "euler_karras"),
    *("heun_karras", "lms", "pndm", "sa_solver", "tcd", "unipc_karras"),
)


def compare(
    engine: Engine,
    tiny: Built,
    kind: TinyKind,
    scheduler: str,
    *,
    strength: float = 0.6,
    guidance_scale: float = 5.0,
    negative_prompt: str = NEGATIVE,
) -> None:
    folder = tiny(kind)
    settings = {
        "prompt": PROMPT,
        "negative_prompt": negative_prompt,
        "strength": strength,
        "guidance_scale": guidance_scale,
        "num_inference_steps": 8,
    }
    theirs = stock_latents(
        stock(pipeline_class(kind, "Img2Img"), folder),
        stock_scheduler(folder, scheduler),
        seed=SEED,
        image=as_tensor(IMAGE),
        **settings | {"negative_prompt": negative_prompt or None},
    )
    ours = engine.run(ImageToImage(model=str(folder), scheduler=scheduler, seed=SEED, image=IMAGE, **settings))
    assert_same_latents(ours.latents, theirs)


@pytest.mark.parametrize("scheduler", SEVEN)
@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SD2, TinyKind.SDXL])
def test_guided(engine: Engine, tiny: Built, kind: TinyKind, scheduler: str) -> None:
    compare(engine, tiny, kind, scheduler)


@pytest.mark.parametrize("scheduler", SEVEN)
@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SDXL])
def test_unguided(engine: Engine, tiny: Built, kind: TinyKind, scheduler: str) -> None:
    compare(engine, tiny, kind, scheduler, guidance_scale=1.0)


@pytest.mark.parametrize("scheduler", OTHERS)
def test_the_other_schedulers(engine: Engine, tiny: Built, scheduler: str) -> None:
    compare(engine, tiny, TinyKind.SD1, scheduler)


@pytest.mark.parametrize("strength", [0.13, 0.3, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("scheduler", ["ddim", "euler", "dpmpp_2m"])
def test_strengths(engine: Engine, tiny: Built, scheduler: str, strength: float) -> None:
    compare(engine, tiny, TinyKind.SD1, scheduler, strength=strength)


@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SDXL])
def test_without_a_negative_prompt(engine: Engine, tiny: Built, kind: TinyKind) -> None:
    compare(engine, tiny, kind, "ddim", negative_prompt="")


@pytest.mark.parametrize("kind", [TinyKind.SD_TURBO, TinyKind.SDXL_LIGHTNING])
def test_distilled_models(engine: Engine, tiny: Built, kind: TinyKind) -> None:
    compare(engine, tiny, kind, "euler_ancestral", guidance_scale=0.0, strength=0.5)


def test_a_model_that_takes_its_guidance_as_input(engine: Engine, tiny: Built) -> None:
    compare(engine, tiny, TinyKind.LCM, "lcm", guidance_scale=8.0, strength=0.5)


@pytest.mark.parametrize("guidance_scale", [1.0, 7.5])
@pytest.mark.parametrize("scheduler", SEVEN)
def test_sd2_depth(engine: Engine, tiny: Built, scheduler: str, guidance_scale: float) -> None:
    compare_depth(engine, tiny, scheduler, guidance_scale, strength=0.8)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_sd2_depth_strengths(engine: Engine, tiny: Built, strength: float) -> None:
    compare_depth(engine, tiny, "euler", 7.5, strength=strength)


def compare_depth(engine: Engine, tiny: Built, scheduler: str, guidance_scale: float, strength: float) -> None:
    folder = tiny(TinyKind.SD2_DEPTH)
    distance = depth(HEIGHT, WIDTH, seed=2)
    settings = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "strength": strength,
        "guidance_scale": guidance_scale,
        "num_inference_steps": 8,
    }
    theirs = stock_latents(
        stock(diffusers.StableDiffusionDepth2ImgPipeline, folder),
        stock_scheduler(folder, scheduler),
        seed=SEED,
        image=as_tensor(IMAGE),
        depth_map=torch.from_numpy(depth_control(distance, None))[None],
        **settings,
    )
    request = DepthToImage(model=str(folder), scheduler=scheduler, seed=SEED, image=IMAGE, depth=distance, **settings)
    assert_same_latents(engine.run(request).latents, theirs)
