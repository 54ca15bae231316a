# SPDX-License-Identifier: GPL-3.0-or-later
"""Control pictures from data passes: exact where a preprocessor would have to guess. No bpy."""

from __future__ import annotations

import math

import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import FramePasses, normal_control

_CREASE_COSINE = math.cos(math.radians(35))
"""Neighbours whose normals differ by more lie on two sides of an edge."""

_DEPTH_JUMP = 0.02
"""Bend of 1/depth, in shares of it, from which on a pixel is the border of something nearer."""


def edge_picture(passes: FramePasses) -> np.ndarray:
    """White lines on black where objects, surfaces or their folds end, as the "canny" ControlNets have learnt them.

    Returns:
        (h, w, 3) float32, 0 or 1.

    Raises:
        RequestError: there is no depth, normal or object pass.
    """
    depth, normal, ids = (
        _required_pass(passes, "depth"),
        _required_pass(passes, "normal"),
        _required_pass(passes, "object_id"),
    )
    lines = np.zeros(depth.shape, bool)
    lines[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    lines[1:] |= ids[1:] != ids[:-1]
    both = np.isfinite(depth)
    lines[:, 1:] |= both[:, 1:] & both[:, :-1] & ((normal[:, 1:] * normal[:, :-1]).sum(-1) < _CREASE_COSINE)
    lines[1:] |= both[1:] & both[:-1] & ((normal[1:] * normal[:-1]).sum(-1) < _CREASE_COSINE)
    lines |= _depth_edges(depth)
    return np.repeat(lines[..., None], 3, axis=2).astype(np.float32)


def normal_picture(passes: FramePasses) -> np.ndarray:
    """(h, w, 3) float32 in [0, 1]: what normal ControlNets have learnt.

    Raises:
        RequestError: there is no normal pass or no camera.
    """
    normal = _required_pass(passes, "normal")
    if passes.camera is None:
        raise RequestError("camera", "is orthographic", hint="use a perspective camera, or leave the normals out")
    return normal_control(normal, passes.camera)


def _depth_edges(depth: np.ndarray) -> np.ndarray:
    """1/depth is linear in the picture along a plane, however oblique; where it bends far, a surface ends."""
    inverse = np.divide(1, depth, out=np.zeros_like(depth), where=np.isfinite(depth))
    found = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        middle = np.moveaxis(inverse, axis, 0)
        bend = 2 * middle[1:-1] - middle[:-2] - middle[2:]
        np.moveaxis(found, axis, 0)[1:-1] |= bend > _DEPTH_JUMP * middle[1:-1]
    return found


def _required_pass(passes: FramePasses, name: str) -> np.ndarray:
    array = getattr(passes, name)
    if array is None:
        raise RequestError(name, "is missing from the data passes", hint="render the data passes again")
    return np.asarray(array)
