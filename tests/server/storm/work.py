"""Small jobs of every kind whose right bytes are known beforehand from an engine in this process."""

from __future__ import annotations

import hashlib
import itertools
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sd_core.engine import Engine
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
from sd_core.values import Array
from tests.animation import worlds
from tests.tiny import TinyKind, tiny_controlnet, tiny_pipeline

SIDE = 64
"""Side of every picture, px."""

STEPS = 8
"""Denoising steps: each job takes 0.05 to 0.5 s, so that kills come while it runs."""

FRAMES = 3
"""Of the short animations among the jobs."""

EACH = 8
"""Different jobs of each kind."""

PYRAMID = Mesh(
    vertices=np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 1]]),
    faces=np.int32([[0, 2, 1], [0, 3, 2], [0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]),
)


@dataclass(frozen=True, slots=True)
class Models:
    """Folders of the tiny models that the jobs use; all lie below `folder`."""

    folder: Path
    plain: Path
    controlnet: Path
    depth: Path

    @classmethod
    def build(cls, folder: Path) -> Models:
        """Write them below `folder`."""
        return cls(
            folder,
            tiny_pipeline(TinyKind.SD1, folder / "sd1"),
            tiny_controlnet(TinyKind.SD1, folder / "controlnet"),
            tiny_pipeline(TinyKind.SD2_DEPTH, folder / "sd2-depth"),
        )


@dataclass(frozen=True, slots=True)
class Work:
    """A request, and the SHA-256 of the pictures that are right for it."""

    name: str
    request: Request
    digest: str


class Works:
    """Jobs of every kind, again and again in a random order, so that no job equals the one before it."""

    def __init__(self, works: list[Work], seed: int) -> None:
        shuffled = random.Random(seed).sample(works, len(works))  # noqa: S311 - repeatable
        self._next = itertools.cycle(shuffled)
        self._lock = threading.Lock()

    def next(self) -> Work:
        """The next job; any thread may ask."""
        with self._lock:
            return next(self._next)


def make_works(models: Models, each: int = EACH) -> list[Work]:
    """`each` jobs of every kind with what an engine in this process makes of them."""
    with Engine(str(models.plain), "cpu", "float32") as engine:
        return [work_of(engine, kind, seed, models) for seed in range(each) for kind in MAKERS]


def work_of(engine: Engine, kind: str, seed: int, models: Models) -> Work:
    """One job and its right answer."""
    request = MAKERS[kind](seed, models)
    return Work(f"{kind} {seed}", request, digest_of(engine.run(request)))


def digest_of(result: Result) -> str:
    """SHA-256 of every picture, map and mesh array in a result."""
    sha = hashlib.sha256()
    planes = [*result.images, *(result.maps[name] for name in sorted(result.maps))]
    planes += [] if result.mesh is None else [array for _, array in sorted(result.mesh.arrays().items())]
    for plane in planes:
        sha.update(np.ascontiguousarray(plane).tobytes())
    return sha.hexdigest()


def picture(seed: int) -> Array:
    """(SIDE, SIDE, 3) uint8 noise."""
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def slope(seed: int) -> Array:
    """(SIDE, SIDE) float32 metres."""
    near = 1.5 + seed % 7 / 10
    return np.linspace(near, near + 4, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)


def _few(seed: int) -> dict[str, Any]:
    return {"prompt": f"brick wall {seed}", "seed": seed, "num_inference_steps": STEPS}


def _small(seed: int) -> dict[str, Any]:
    return {**_few(seed), "width": SIDE, "height": SIDE}


MAKERS: Mapping[str, Callable[[int, Models], Request]] = {
    "TextToImage": lambda seed, _: TextToImage(**_small(seed)),
    "ImageToImage": lambda seed, _: ImageToImage(**_few(seed), image=picture(seed), strength=0.9),
    "DepthToImage": lambda seed, models: DepthToImage(
        **_few(seed), depth=slope(seed), controlnet=str(models.controlnet)
    ),
    "Inpaint": lambda seed, _: Inpaint(**_few(seed), image=picture(seed), mask=(slope(seed) > 3.5).astype(np.float32)),
    "Upscale": lambda seed, _: Upscale(**_few(seed), image=picture(seed), scale=2, strength=0.3),
    "Adjust": lambda seed, _: Adjust(image=picture(seed), exposure=0.5, saturation=1.2),
    "Texture": lambda seed, _: Texture(**_small(seed)),
    "MeshTexture": lambda seed, models: MeshTexture(
        **_small(seed), model=str(models.depth), mesh=PYRAMID, max_views=2, texture_size=64
    ),
    "Animation": lambda seed, models: Animation(**_few(seed), model=str(models.depth), passes=worlds.pan(FRAMES)),
}
"""A function of seed and models for each kind of request; equal arguments give equal requests."""
