"""Rolling makes the built-in model's pictures tile, also at sizes that padding refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sd_core.engine import Engine
from sd_core.errors import RequestError
from sd_core.requests import Seamless, TextToImage, replace
from sd_core.texture import FAILS, PASSES, wrap_score

PROMPTS = ("red brick wall", "grey gravel", "green marble", "rusty metal")
WIDTH, HEIGHT = 136, 104
"""Neither is a multiple of what a cell of the coarsest level spans."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(device="cpu", dtype="float32") as shared:
        yield shared


def rolling(prompt: str, seamless: str, **fields: Any) -> TextToImage:
    given: dict[str, Any] = {"width": WIDTH, "height": HEIGHT, "num_inference_steps": 6, "seed": 1}
    return TextToImage(prompt=prompt, seamless=seamless, seamless_method="rolling", **(given | fields))


@pytest.mark.slow
def test_the_wrap_is_a_place_like_any_other_at_a_size_that_padding_refuses(engine: Engine) -> None:
    requests = [rolling(prompt, "xy", num_inference_steps=20, num_images=2) for prompt in PROMPTS]
    scores = [wrap_score(image) for request in requests for image in engine.run(request).images]
    assert np.median(scores) <= PASSES and max(scores) <= FAILS
    assert wrap_score(engine.run(replace(requests[0], seamless="none")).images[0]) > FAILS
    with pytest.raises(RequestError, match=r"seamless picture needs a multiple of 32, .*or seamless_method='rolling'"):
        engine.run(replace(requests[0], seamless_method="padding"))


def test_only_the_axis_asked_for_meets(engine: Engine) -> None:
    picture = engine.run(rolling("red brick wall", "x")).images[0]
    assert wrap_score(picture, Seamless.X) <= FAILS < wrap_score(picture, Seamless.Y)


def test_the_seed_moves_the_picture_and_the_method_matters(engine: Engine) -> None:
    request = rolling("grey gravel", "xy", width=64, height=64, num_inference_steps=3, num_images=2)
    first, again = engine.run(request).images, engine.run(request).images
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert np.array_equal(engine.run(replace(request, seed=2, num_images=1)).images[0], first[1])
    padded = engine.run(replace(request, seamless_method="padding")).images
    assert not np.array_equal(first[0], padded[0])
