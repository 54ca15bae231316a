"""Inpainting gives diffusers' own latents, with models made for it (9 channels) and with any other (4 channels)."""

from __future__ import annotations

import pytest

from sd_core import Inpaint
from sd_core.engine import Engine
from sd_core.requests import Fill
from tests.conftest import Built
from tests.engine.pictures import mask, picture
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

SEED = 13
IMAGE = picture(HEIGHT, WIDTH, seed=3)
MASK = mask(HEIGHT, WIDTH, seed=4)
MODELS = [TinyKind.SD1, TinyKind.SD1_INPAINT]
SDXL_MODELS = [TinyKind.SDXL, TinyKind.SDXL_INPAINT]


def compare(
    engine: Engine, tiny: Built, kind: TinyKind, scheduler: str, *, strength: float = 1.0, guidance_scale: float = 6.0
) -> None:
    """At full strength diffusers starts from noise alone, below it from the picture."""
    folder = tiny(kind)
    settings = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "strength": strength,
        "guidance_scale": guidance_scale,
        "num_inference_steps": 6,
    }
    theirs = stock_latents(
        stock(pipeline_class(kind, "Inpaint"), folder),
        stock_scheduler(folder, scheduler),
        seed=SEED,
        image=as_tensor(IMAGE),
        mask_image=as_tensor(MASK),
        height=HEIGHT,
        width=WIDTH,
        **settings,
    )
    fill = Fill.NOISE if strength == 1 else Fill.ORIGINAL
    request = Inpaint(model=str(folder), scheduler=scheduler, seed=SEED, image=IMAGE, mask=MASK, fill=fill, **settings)
    assert_same_latents(engine.run(request).latents, theirs)


@pytest.mark.parametrize("scheduler", SEVEN)
@pytest.mark.parametrize("kind", MODELS)
def test_from_noise(engine: Engine, tiny: Built, kind: TinyKind, scheduler: str) -> None:
    compare(engine, tiny, kind, scheduler)


@pytest.mark.parametrize("scheduler", SEVEN)
@pytest.mark.parametrize("kind", MODELS)
def test_from_the_picture(engine: Engine, tiny: Built, kind: TinyKind, scheduler: str) -> None:
    compare(engine, tiny, kind, scheduler, strength=0.6)


@pytest.mark.parametrize("strength", [0.3, 0.99, 1.0])
@pytest.mark.parametrize("kind", MODELS)
def test_unguided(engine: Engine, tiny: Built, kind: TinyKind, strength: float) -> None:
    compare(engine, tiny, kind, "euler_ancestral", strength=strength, guidance_scale=1.0)


@pytest.mark.parametrize("scheduler", ["ddim", "euler", "euler_ancestral", "dpmpp_2m", "unipc"])
@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("kind", SDXL_MODELS)
def test_sdxl(engine: Engine, tiny: Built, kind: TinyKind, strength: float, scheduler: str) -> None:
    compare(engine, tiny, kind, scheduler, strength=strength)


def test_sd2(engine: Engine, tiny: Built) -> None:
    compare(engine, tiny, TinyKind.SD2, "ddim", strength=0.7)
