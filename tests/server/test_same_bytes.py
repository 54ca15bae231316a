"""Every kind of request on the built-in model: the client gives the bytes that the engine in this process gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sd_core.client import Client
from sd_core.engine import Engine
from sd_core.passes import FramePasses
from sd_core.requests import (
    Adjust,
    Animation,
    DepthToImage,
    ImageToImage,
    Inpaint,
    Mesh,
    MeshTexture,
    Request,
    TextToImage,
    Texture,
    Upscale,
)
from sd_core.results import Result
from tests.server.servers import running

pytestmark = pytest.mark.slow

SIDE = 128
RANDOM = np.random.default_rng(5)
PICTURE = RANDOM.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
SLOPE = np.linspace(2, 6, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
MASK = (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % SIDE > SIDE // 2).astype(np.float32)
STILL = np.zeros((SIDE, SIDE, 4), np.float32)
FRAMES = tuple(FramePasses(depth=SLOPE, motion=STILL, image=PICTURE) for _ in range(2))
PYRAMID = Mesh(
    vertices=np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 1]]),
    faces=np.int32([[0, 2, 1], [0, 3, 2], [0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]),
)
FEW: dict[str, Any] = {"prompt": "red brick wall", "seed": 3, "num_inference_steps": 3}
SMALL: dict[str, Any] = {**FEW, "width": SIDE, "height": SIDE}

REQUESTS: list[Request] = [
    TextToImage(**SMALL, num_images=2),
    ImageToImage(**FEW, image=PICTURE, strength=0.7),
    DepthToImage(**FEW, depth=SLOPE),
    Inpaint(**FEW, image=PICTURE, mask=MASK, feather=4),
    Upscale(**FEW, image=PICTURE, scale=2, strength=0.7),
    Adjust(image=PICTURE, exposure=1, hue=40, match=PICTURE[::-1].copy()),
    Texture(**SMALL),
    MeshTexture(**SMALL, mesh=PYRAMID, max_views=2, texture_size=64),
    Animation(**FEW, passes=FRAMES, strength=0.7),
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Client]]:
    with running(tmp_path_factory.mktemp("home")) as (_, client), Engine("builtin", "cpu", "float32") as engine:
        yield engine, client


def held(result: Result) -> dict[str, bytes]:
    """Everything in a result that has bytes."""
    parts = {f"image {index}": np.asarray(image) for index, image in enumerate(result.images)}
    parts |= {f"map {name}": plane for name, plane in result.maps.items()}
    if result.mesh is not None:
        parts |= result.mesh.arrays()
    return {name: array.tobytes() for name, array in parts.items()}


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_the_built_in_model_gives_the_same_bytes_over_the_client(
    both: tuple[Engine, Client], request_: Request
) -> None:
    here, there = (engine.run(request_) for engine in both)
    assert held(here) == held(there)
    assert here.request == there.request
    assert here.decisions == there.decisions
