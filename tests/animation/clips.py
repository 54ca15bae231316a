"""Small videos whose motion is known."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from sd_core.values import Array, to_pillow

SPEED = (2.5, 1.5)
"""px a frame (x, y), y down."""


def moving(count: int, height: int = 96, width: int = 128) -> list[Array]:
    """(h, w, 3) uint8 frames of a soft pattern that moves by `SPEED`."""
    noise = np.random.default_rng(3).random((height * 3, width * 3, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    soft = (soft - soft.min()) / (soft.max() - soft.min())

    def frame(time: int) -> Array:
        place = np.array([[1, 0, SPEED[0] * time - width], [0, 1, SPEED[1] * time - height]], np.float32)
        moved = cv2.warpAffine(soft, place, (width, height), flags=cv2.INTER_CUBIC)
        return np.rint(np.clip(moved, 0, 1) * 255).astype(np.uint8)

    return [frame(time) for time in range(count)]


def write_video(path: Path, frames: list[Array], fps: int = 12) -> Path:
    """FFV1, which keeps every pixel."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(fps))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def write_pictures(folder: Path, frames: list[Array]) -> str:
    """The pattern of the files written."""
    folder.mkdir(exist_ok=True)
    for index, frame in enumerate(frames):
        to_pillow(frame).save(folder / f"{index:04d}.png")
    return str(folder / "####.png")
