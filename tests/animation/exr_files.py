"""Passes as EXR files, as a renderer writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import OpenEXR

from sd_core.passes import FramePasses, Sidecar, write_sidecar
from sd_core.values import Array


def write_frames(folder: Path, frames: Sequence[FramePasses], first: int = 1) -> list[Path]:
    """`0001.exr` ... with depth, vectors, index and rest or world position, and their sidecars."""
    folder.mkdir(exist_ok=True)
    return [write_frame(folder / f"{first + index:04d}.exr", frame) for index, frame in enumerate(frames)]


def write_frame(path: Path, frame: FramePasses) -> Path:
    channels: dict[str, Array] = {}
    if frame.depth is not None:
        channels["View Layer.Depth.Z"] = np.where(np.isfinite(frame.depth), frame.depth, 1e10)
    if frame.object_id is not None:
        channels["View Layer.Object Index.X"] = frame.object_id
    if frame.motion is not None:
        channels |= {f"View Layer.Vector.{c}": frame.motion[..., i] for i, c in enumerate("XYZW")}
    if frame.position is not None:
        name = "rest_position" if frame.position_space == "rest" else "Position"
        channels |= {f"View Layer.{name}.{c}": frame.position[..., i] for i, c in enumerate("XYZ")}
    held = {name: np.ascontiguousarray(array, np.float32) for name, array in channels.items()}
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, held).write(str(path))
    write_sidecar(path, Sidecar(camera=frame.camera, cut=frame.cut))
    return path
