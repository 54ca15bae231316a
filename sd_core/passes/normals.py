"""World-space normals, as renderers write them, to the pictures that normal ControlNets were trained on."""

from __future__ import annotations

import numpy as np

from ..values import Array
from .frame_passes import Camera


def camera_normals(normal: Array, camera: Camera) -> Array:
    """Normals in the camera's own axes: x right, y up, z towards the viewer.

    Args:
        normal: (h, w, 3) float32, world space, 0 where there is background.

    Returns:
        (h, w, 3) float32 of unit length, 0 where there is background.
    """
    # A row vector times the camera-to-world rotation is the world-to-camera rotation applied to it; a scaled camera is
    # normalised away.
    rotated = normal.astype(np.float64) @ np.asarray(camera.matrix_world)[:3, :3]
    length = np.linalg.norm(rotated, axis=-1, keepdims=True)
    return np.divide(rotated, length, out=np.zeros_like(rotated), where=length > 0).astype(np.float32)


def normal_control(normal: Array, camera: Camera) -> Array:
    """The control picture of a world-space normal pass, for ControlNet 1.1 "normalbae".

    Its README gives the convention: "blue is front, red is left, green is top". Background faces the viewer.

    Returns:
        (h, w, 3) float32 in [0, 1].
    """
    facing = camera_normals(normal, camera)
    facing[(facing == 0).all(axis=-1)] = (0, 0, 1)
    return np.clip(facing * np.array([-0.5, 0.5, 0.5], np.float32) + np.float32(0.5), 0, 1)
