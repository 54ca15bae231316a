"""A pinhole camera whose rays have unit planar depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sd_core.training.data.noise import Plane

NEAR = 0.02  # scene units: nothing closer to the camera is seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Where the picture is taken from; z is up in the world, y is down in the picture."""

    position: Plane
    """(3,) world."""
    axes: Plane
    """(3, 3) rows: right, down, forward; orthonormal."""
    focal: float
    """Focal length in px."""
    shape: tuple[int, int]
    """(h, w) px."""

    def rays(self, y: Plane, x: Plane) -> Plane:
        """Directions (n, 3) through pixel positions (n,), scaled so that their parameter is the planar depth."""
        right = (x - np.float32(self.shape[1] / 2)) / np.float32(self.focal)
        down = (y - np.float32(self.shape[0] / 2)) / np.float32(self.focal)
        return right[:, None] * self.axes[0] + down[:, None] * self.axes[1] + self.axes[2]


def look_at(
    position: NDArray[np.floating],
    target: NDArray[np.floating],
    focal: float,
    shape: tuple[int, int],
    roll: float = 0.0,
) -> Camera:
    """A camera at `position` (3,) which looks at `target` (3,), turned by `roll` radians about its axis."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    right, down = np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right
    return Camera(
        position=np.asarray(position, np.float32),
        axes=np.stack([right, down, forward]).astype(np.float32),
        focal=float(focal),
        shape=shape,
    )
