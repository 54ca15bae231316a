"""Planar depth: from whatever a user holds, and to control pictures; the one place in the project that knows the formula."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from ..errors import RequestError
from ..values import Array, InvalidValue, freeze
from ..values.pictures import PictureLike, check_size, is_npy, picture_array
from .exr import read_exr

DepthRange = tuple[float, float]
"""(near, far) in scene units."""


def as_depth(value: PictureLike) -> Array:
    """(h, w): float32 planar depth in scene units (> 0, inf = background), or a uint8 depth picture (near = white)."""
    if isinstance(value, (str, os.PathLike)) and str(value).lower().endswith(".exr"):
        value = _find(read_exr(value).depth, str(value))
    array = picture_array(value)
    if not isinstance(value, np.ndarray) and array.ndim == 3:
        array = _grey(array)
    if array.ndim != 2:
        raise InvalidValue(f"must be (h, w), got {array.shape}", "give one channel")
    if array.dtype == np.uint8:
        return freeze(check_size(array))
    if array.dtype.kind != "f" or (not isinstance(value, np.ndarray) and not is_npy(value)):
        raise InvalidValue(
            f"must be float32 or a uint8 picture, got {array.dtype}", "give scene units, or 8 bit with near = white"
        )
    return freeze(_positive(check_size(array.astype(np.float32))))


def finite_range(depths: Array | Iterable[Array]) -> DepthRange:
    """The smallest and the largest finite depth of one frame, or of all frames of a sequence.

    Args:
        depths: (h, w) float32 planar depth in scene units, inf = background; or several of them.

    Raises:
        RequestError: nothing but background.
    """
    frames = [depths] if isinstance(depths, np.ndarray) else depths
    ranges = [
        (float(finite.min()), float(finite.max())) for frame in frames if (finite := frame[np.isfinite(frame)]).size
    ]
    if not ranges:
        raise RequestError(
            "depth", "is background everywhere", hint="point the camera at the scene, or give depth_range"
        )
    return min(near for near, _ in ranges), max(far for _, far in ranges)


def depth_control(depth: Array, depth_range: DepthRange | None = None) -> Array:
    """The control picture of a depth: `clip((1/z - 1/far) / (1/near - 1/far), 0, 1)`, near = 1, background = 0.

    Args:
        depth: (h, w) float32 planar depth in scene units, > 0, inf = background; or a uint8 depth picture, which is
            divided by 255 and has no range.
        depth_range: (near, far) in scene units; None: the finite minimum and maximum. Where both are equal everything
            up to that depth is 1.

    Returns:
        (h, w) float32 in [0, 1].

    Raises:
        RequestError: a range for a picture, or no range and nothing but background.
    """
    if depth.dtype == np.uint8:
        if depth_range is not None:
            raise RequestError(
                "depth_range", "has no meaning for a depth picture", hint="leave it out, or give scene units"
            )
        return depth.astype(np.float32) / 255
    near, far = finite_range(depth) if depth_range is None else depth_range
    if near == far:
        return (depth <= near).astype(np.float32)
    inverse = 1 / depth.astype(np.float64)
    return np.clip((inverse - 1 / far) / (1 / near - 1 / far), 0, 1).astype(np.float32)


def _grey(picture: Array) -> Array:
    if (picture[..., :1] != picture[..., 1:3]).any():
        raise InvalidValue("is a coloured picture", "give a grey one, near = white")
    return picture[..., 0]


def _positive(depth: Array) -> Array:
    wrong = ~(depth > 0)
    if wrong.any():
        row, column = (int(index) for index in np.argwhere(wrong)[0])
        raise InvalidValue(
            f"must be greater than 0 everywhere, got {depth[row, column]:g} at row {row}, column {column} "
            f"({int(wrong.sum())} such pixels)",
            "write inf where there is background",
        )
    return depth


def _find(array: Array | None, name: str) -> Array:
    if array is None:
        raise InvalidValue(f"{name} holds no depth", "enable the Depth (Z) pass")
    return array
