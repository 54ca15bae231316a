"""Looking images up at places between their pixels. Places are (..., 2) px (x, y), pixel centres at whole numbers."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from sd_core.values import Array

_AROUND = 12
"""px around the places that are looked up, which their values depend on."""


def bilinear(image: Array, xy: Array) -> Array:
    """(..., c) float32 of an image (h, w, c); places outside repeat the border."""
    height, width = image.shape[:2]
    x = np.clip(xy[..., 0], 0, width - 1)
    y = np.clip(xy[..., 1], 0, height - 1)
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (x - left)[..., None].astype(np.float32), (y - top)[..., None].astype(np.float32)
    upper = image[top, left] * (1 - fx) + image[top, right] * fx
    lower = image[bottom, left] * (1 - fx) + image[bottom, right] * fx
    return (upper * (1 - fy) + lower * fy).astype(np.float32)


def spline(image: Array, xy: Array) -> Array:
    """(n, c) float32 of an image (h, w, c) at places (n, 2), by interpolating splines of degree 5; mirrored at the borders.

    They lose a tenth of the variance of the Laplacian half a pixel off, a cubic kernel more than a quarter, and what is
    lost here is lost in every frame of a shot. (Thevenaz, Blu and Unser 2000, "Interpolation Revisited".)
    """
    if len(xy) == 0:
        return np.zeros((0, image.shape[2]), np.float32)
    # only what lies around the places counts: the influence of a pixel falls below 1e-4 within `_AROUND` px
    size = np.array(image.shape[1::-1])
    first = np.clip(np.floor(xy.min(0)).astype(int) - _AROUND, 0, size - 1)
    last = np.clip(np.ceil(xy.max(0)).astype(int) + _AROUND, 0, size - 1)
    part = image[first[1] : last[1] + 1, first[0] : last[0] + 1].astype(np.float64)
    at = (xy - first).T[::-1]
    channels = [map_coordinates(channel, at, order=5, mode="mirror") for channel in np.moveaxis(part, -1, 0)]
    return np.stack(channels, axis=-1).astype(np.float32)


def pixel_grid(height: int, width: int) -> Array:
    """(h, w, 2) float32: the place of every pixel."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns, rows], axis=-1).astype(np.float32)


def nearest(xy: Array, size: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Rows and columns of the pixels nearest to `xy`, clipped to `size` (h, w), and which places lie inside."""
    height, width = size
    with np.errstate(invalid="ignore"):
        inside = (xy[..., 0] >= -0.5) & (xy[..., 0] <= width - 0.5)
        inside &= (xy[..., 1] >= -0.5) & (xy[..., 1] <= height - 0.5)
    clamped = np.where(inside[..., None], xy, 0)
    columns = np.clip(np.rint(clamped[..., 0]), 0, width - 1).astype(np.intp)
    rows = np.clip(np.rint(clamped[..., 1]), 0, height - 1).astype(np.intp)
    return rows, columns, inside
