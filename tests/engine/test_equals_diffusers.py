"""Text to image gives diffusers' own latents, for every family and every scheduler."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

import pytest

from sd_core import TextToImage
from sd_core.engine import Engine
from sd_core.schedulers import SCHEDULERS as SERVED
from tests.conftest import Built
from tests.engine.stock import (
    HEIGHT,
    NEGATIVE,
    PROMPT,
    SCHEDULERS,
    SEVEN,
    WIDTH,
    assert_same_latents,
    pipeline_class,
    stock,
    stock_latents,
    stock_scheduler,
)
from tests.tiny import TinyKind

STEPS = 6
SEED = 7


class Settings(TypedDict, total=False):
    """Words that both sides know."""

    guidance_scale: float
    negative_prompt: str
    num_inference_steps: int


def compare(engine: Engine, tiny: Built, kind: TinyKind, scheduler: str, **settings: Unpack[Settings]) -> None:
    """Run both sides."""
    folder = tiny(kind)
    call: dict[str, Any] = {
        "prompt": PROMPT,
        "height": HEIGHT,
        "width": WIDTH,
        "num_inference_steps": STEPS,
        **settings,
    }
    theirs = stock_latents(
        stock(pipeline_class(kind), folder),
        stock_scheduler(folder, scheduler),
        seed=SEED,
        **call | {"negative_prompt": call.get("negative_prompt") or None},
    )
    ours = engine.run(TextToImage(model=str(folder), scheduler=scheduler, seed=SEED, **call))
    assert_same_latents(ours.latents, theirs)


def test_every_scheduler_is_compared() -> None:
    assert set(SERVED) == set(SCHEDULERS)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_sd1_guided(engine: Engine, tiny: Built, scheduler: str) -> None:
    compare(engine, tiny, TinyKind.SD1, scheduler, guidance_scale=7.5, negative_prompt=NEGATIVE)


@pytest.mark.parametrize("scheduler", SEVEN)
@pytest.mark.parametrize("kind", [TinyKind.SD2, TinyKind.SDXL])
def test_sd2_and_sdxl_guided(engine: Engine, tiny: Built, kind: TinyKind, scheduler: str) -> None:
    compare(engine, tiny, kind, scheduler, guidance_scale=5.0, negative_prompt=NEGATIVE)


@pytest.mark.parametrize("scheduler", SEVEN)
@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SD2, TinyKind.SDXL])
def test_unguided(engine: Engine, tiny: Built, kind: TinyKind, scheduler: str) -> None:
    compare(engine, tiny, kind, scheduler, guidance_scale=1.0)


@pytest.mark.parametrize("kind", [TinyKind.SD1, TinyKind.SD2, TinyKind.SDXL])
def test_without_a_negative_prompt(engine: Engine, tiny: Built, kind: TinyKind) -> None:
    compare(engine, tiny, kind, "ddim", guidance_scale=7.5, negative_prompt="")


@pytest.mark.parametrize("kind", [TinyKind.SD_TURBO, TinyKind.SDXL_LIGHTNING])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_distilled_models_with_few_steps_and_no_guidance(
    engine: Engine, tiny: Built, kind: TinyKind, steps: int
) -> None:
    scheduler = "euler_ancestral" if kind is TinyKind.SD_TURBO else "euler"
    compare(engine, tiny, kind, scheduler, guidance_scale=0.0, num_inference_steps=steps)


@pytest.mark.parametrize("scheduler", ["lcm", "ddim", "euler", "tcd", "dpmpp_2m"])
@pytest.mark.parametrize("guidance_scale", [1.0, 8.5])
def test_models_that_take_their_guidance_as_input(
    engine: Engine, tiny: Built, scheduler: str, guidance_scale: float
) -> None:
    compare(engine, tiny, TinyKind.LCM, scheduler, guidance_scale=guidance_scale, num_inference_steps=4)


def test_the_saved_scheduler_is_used_where_none_is_named(engine: Engine, tiny: Built) -> None:
    folder = tiny(TinyKind.SD1)
    call = {"prompt": PROMPT, "height": HEIGHT, "width": WIDTH, "num_inference_steps": STEPS, "guidance_scale": 7.5}
    saved = stock_scheduler(folder, "pndm")
    theirs = stock_latents(stock(pipeline_class(TinyKind.SD1), folder), saved, seed=SEED, **call)
    result = engine.run(TextToImage(model=str(folder), seed=SEED, **call))
    assert_same_latents(result.latents, theirs)
    assert result.request.scheduler == "pndm"
