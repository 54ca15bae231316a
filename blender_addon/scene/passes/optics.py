# SPDX-License-Identifier: GPL-3.0-or-later
"""How cameras map points to pixels, and motion vectors that were made as if a camera had kept still, put right."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from sd_core.passes import SensorFit, blender_intrinsics, motion_from_offsets, motion_offsets


@dataclass(frozen=True, slots=True)
class CameraOptics:
    """Where a camera is and how it maps directions, or places for an orthographic one, to a picture; in Blender's terms.

    matrix: (4, 4) to the world, as a tuple of rows. scale: focal length in mm; 1 / `ortho_scale` for an orthographic camera.
    sensor: (width, height) in mm.
    """

    matrix: tuple[tuple[float, ...], ...]
    is_orthographic: bool
    scale: float
    sensor: tuple[float, float]
    fit: SensorFit
    shift: tuple[float, float]

    @classmethod
    def of(cls, data: bpy.types.Camera, matrix: np.ndarray) -> CameraOptics:
        """Those of a camera as it is now; renderers ignore its scale."""
        rows = without_scale(matrix).tolist()
        orthographic = data.type == "ORTHO"
        scale = 1 / data.ortho_scale if orthographic else data.lens
        sensor = (1.0, 1.0) if orthographic else (data.sensor_width, data.sensor_height)
        fit, shift = SensorFit(data.sensor_fit), (data.shift_x, data.shift_y)
        return cls(tuple(map(tuple, rows)), orthographic, scale, sensor, fit, shift)

    def intrinsics(self, size: tuple[int, int], aspect: float) -> np.ndarray:
        """(3, 3) px; those of an orthographic camera apply to places instead of directions.

        Args:
            size: (height, width) px. aspect: height of a pixel over its width.
        """
        return blender_intrinsics(size, self.scale, self.sensor, self.fit, self.shift, (1, aspect))


def correct_motion(
    motion: np.ndarray, depth: np.ndarray, lenses: tuple[CameraOptics, CameraOptics, CameraOptics], aspect: float
) -> np.ndarray:
    """Motion vectors with what the camera did between the frames.

    A perspective camera was taken to move, but to keep its lens: through pinholes at one place, two pictures differ by K' K^-1,
    whatever the depth (Hartley and Zisserman 2004, "Multiple View Geometry in Computer Vision", 8.4). An orthographic one was
    taken to keep still. Where it turns, a point that moves towards it at the same time is taken to keep its distance.

    Args:
        motion: (h, w, 4) float32 in Blender's convention.
        depth: (h, w), planar, scene units.
        lenses: of the frames before, now and after.
        aspect: height of a pixel over its width.
    """
    before, now, after = lenses
    size = (motion.shape[0], motion.shape[1])
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]] + 0.5
    here = np.stack([columns, rows], axis=-1)
    offsets = []
    for offset, other in zip(motion_offsets(motion), (before, after), strict=True):
        change = np.linalg.inv(now.intrinsics(size, aspect))
        seen = (here + offset) @ change[:2, :2].T + change[:2, 2]
        if now.is_orthographic:
            seen = _to_other_camera(seen, depth, now, other)
        lens = other.intrinsics(size, aspect)
        offsets.append(seen @ lens[:2, :2].T + lens[:2, 2] - here)
    return motion_from_offsets(*offsets).astype(np.float32)


def without_scale(matrix: np.ndarray) -> np.ndarray:
    """A camera's (4, 4) matrix without its scale, which renderers ignore."""
    made = np.array(matrix, np.float64)
    made[:3, :3] /= np.linalg.norm(made[:3, :3], axis=0)
    return made


def _to_other_camera(xy: np.ndarray, depth: np.ndarray, now: CameraOptics, target: CameraOptics) -> np.ndarray:
    """(h, w, 2) places before one orthographic camera, y down, as another one has them."""
    points = np.stack([xy[..., 0], -xy[..., 1], -depth, np.ones_like(depth)], axis=-1)
    change = np.linalg.inv(np.array(target.matrix)) @ np.array(now.matrix)
    return (points @ change.T)[..., :2] * (1, -1)
