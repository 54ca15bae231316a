"""Requests that name a file, in every place where a request can."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sd_core.passes import FramePasses
from sd_core.requests import (
    Animation,
    Control,
    DepthToImage,
    ImagePrompt,
    Lora,
    MeshTexture,
    Request,
    TextToImage,
    Texture,
)

GREY = np.full((8, 8, 3), 128, np.uint8)
DEPTH = np.ones((8, 8), np.float32)


def requests_naming(path: str) -> Iterator[Request]:
    """One for every place of a request that can name a file."""
    yield TextToImage(prompt="a", model=path)
    yield TextToImage(prompt="a", loras=[Lora(path)])
    yield TextToImage(prompt="a", controls=[Control("depth", GREY, model=path)])
    yield TextToImage(prompt="a", image_prompt=ImagePrompt(GREY, model=path))
    yield Texture(prompt="a", estimator=path)
    yield MeshTexture(prompt="a", mesh=path)
    yield DepthToImage(prompt="a", depth=DEPTH, controlnet=path)
    yield Animation(prompt="a", passes=path)
    yield Animation(prompt="a", passes=[path])
    yield Animation(prompt="a", passes=[FramePasses(depth=DEPTH)], depth_estimator=path)
