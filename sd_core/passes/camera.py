"""Cameras: projection, and the sidecar file of a rendered frame."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RequestError
from ..files import write_files
from ..values import Array
from .frame_passes import Camera, PositionSpace


class SensorFit(StrEnum):
    """Blender's `camera.sensor_fit`."""

    AUTO = "AUTO"
    HORIZONTAL = "HORIZONTAL"
    VERTICAL = "VERTICAL"


def blender_intrinsics(
    size: tuple[int, int],
    lens: float,
    sensor: tuple[float, float] = (36.0, 24.0),
    sensor_fit: SensorFit = SensorFit.AUTO,
    shift: tuple[float, float] = (0.0, 0.0),
    pixel_aspect: tuple[float, float] = (1.0, 1.0),
) -> Array:
    """(3, 3) float64 intrinsics in px of a perspective camera in Blender.

    Args:
        size: (height, width) of the render in px.
        lens: focal length in mm.
        sensor: `sensor_width`, `sensor_height` in mm.
        shift: `shift_x`, `shift_y`, in shares of the fitted side.
        pixel_aspect: the render's `pixel_aspect_x`, `pixel_aspect_y`.
    """
    height, width = size
    aspect = pixel_aspect[1] / pixel_aspect[0]
    fit = SensorFit(sensor_fit)
    horizontal = width >= height * aspect if fit is SensorFit.AUTO else fit is SensorFit.HORIZONTAL
    fitted = width if horizontal else height * aspect
    focal = lens / sensor[1 if fit is SensorFit.VERTICAL else 0] * fitted
    centre_x, centre_y = width / 2 - shift[0] * fitted, height / 2 + shift[1] * fitted / aspect
    return np.array([[focal, 0, centre_x], [0, focal / aspect, centre_y], [0, 0, 1]])


def project(points: Array, camera: Camera) -> tuple[Array, Array]:
    """Where world points appear.

    Args:
        points: (..., 3), world space.

    Returns:
        (..., 2) float64 px (x, y) from the top left corner, pixel centres at + 0.5; and (...) planar depth in scene
        units, negative behind the camera.
    """
    matrix = np.asarray(camera.matrix_world)
    local = (points - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
    depth = -local[..., 2]
    seen = np.stack([local[..., 0], -local[..., 1], depth], axis=-1) @ np.asarray(camera.intrinsics).T
    return seen[..., :2] / seen[..., 2:], depth


def unproject(depth: Array, camera: Camera) -> Array:
    """World position of every pixel centre.

    Args:
        depth: (h, w) planar depth in scene units.

    Returns:
        (h, w, 3) float64; not finite where the depth is not.
    """
    height, width = depth.shape
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    rays = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ np.linalg.inv(camera.intrinsics).T
    matrix = np.asarray(camera.matrix_world)
    with np.errstate(invalid="ignore"):  # 0 * inf in the background
        return (rays * (1, -1, -1) * depth[..., None]) @ matrix[:3, :3].T + matrix[:3, 3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What a rendered file cannot hold; `position_space` None: as the file says."""

    camera: Camera | None = None
    cut: bool = False
    position_space: PositionSpace | None = None


def write_sidecar(frame: str | os.PathLike[str], sidecar: Sidecar) -> Path:
    """Write `<frame>.json` next to the frame `<frame>.exr`.

    Raises:
        OutputError: it cannot be written.
    """
    camera = sidecar.camera
    matrices = {} if camera is None else {
        "matrix_world": camera.matrix_world.tolist(), "intrinsics": camera.intrinsics.tolist(),
    }  # fmt: skip
    space = {} if sidecar.position_space is None else {"position_space": sidecar.position_space}
    text = json.dumps({**matrices, "cut": sidecar.cut, **space}, indent=1)
    return write_files([(Path(frame).with_suffix(".json"), text.encode())])[0]


def read_sidecar(frame: str | os.PathLike[str]) -> Sidecar:
    """What `<frame>.json` next to a frame says; an empty `Sidecar` where there is no such file.

    Raises:
        RequestError: it is damaged.
    """
    path = Path(frame).with_suffix(".json")
    if not path.is_file():
        return Sidecar()
    try:
        return _sidecar(json.loads(path.read_bytes()))
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError, RequestError) as error:
        raise RequestError(
            str(path), f"is no sidecar of a frame: {error}", hint="write it with write_sidecar"
        ) from error


def _sidecar(data: dict[str, Any]) -> Sidecar:
    camera = None
    if "matrix_world" in data or "intrinsics" in data:
        camera = Camera(np.array(data["matrix_world"], np.float64), np.array(data["intrinsics"], np.float64))
    space = data.get("position_space")
    return Sidecar(
        camera=camera, cut=bool(data.get("cut", False)), position_space=None if space is None else PositionSpace(space)
    )
