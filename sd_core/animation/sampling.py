"""Looking images up at places between their pixels. Places are (..., 2) px (x, y), pixel centres at whole numbers."""

from __future__ import annotations

import numpy as np

from sd_core.values import Array


def bilinear(image: Array, places: Array) -> Array:
    """(..., c) float32 of an image (h, w, c); places outside repeat the border."""
    height, width = image.shape[:2]
    x = np.clip(places[..., 0], 0, width - 1)
    y = np.clip(places[..., 1], 0, height - 1)
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (x - left)[..., None].astype(np.float32), (y - top)[..., None].astype(np.float32)
    upper = image[top, left] * (1 - fx) + image[top, right] * fx
    lower = image[bottom, left] * (1 - fx) + image[bottom, right] * fx
    return (upper * (1 - fy) + lower * fy).astype(np.float32)


def bicubic(image: Array, places: Array) -> Array:
    """As `bilinear`, with Keys' cubic convolution kernel, a = -0.5 (Keys 1981), which keeps more detail."""
    height, width = image.shape[:2]
    base = np.floor(places).astype(np.intp)
    share = (places - base).astype(np.float32)
    weights_x, weights_y = _keys(share[..., 0]), _keys(share[..., 1])
    columns = [np.clip(base[..., 0] + tap, 0, width - 1) for tap in (-1, 0, 1, 2)]
    total = np.zeros((*places.shape[:-1], image.shape[2]), np.float32)
    for tap, weight_y in zip((-1, 0, 1, 2), weights_y, strict=True):
        row = np.clip(base[..., 1] + tap, 0, height - 1)
        for column, weight_x in zip(columns, weights_x, strict=True):
            total += image[row, column] * (weight_x * weight_y)[..., None]
    return total


def pixel_grid(height: int, width: int) -> Array:
    """(h, w, 2) float32: the place of every pixel."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns, rows], axis=-1).astype(np.float32)


def nearest(places: Array, size: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Rows and columns of the pixels nearest to `places`, clipped to `size` (h, w), and which places lie inside."""
    height, width = size
    with np.errstate(invalid="ignore"):
        inside = (places[..., 0] >= -0.5) & (places[..., 0] <= width - 0.5)
        inside &= (places[..., 1] >= -0.5) & (places[..., 1] <= height - 0.5)
    held = np.where(inside[..., None], places, 0)
    columns = np.clip(np.rint(held[..., 0]), 0, width - 1).astype(np.intp)
    rows = np.clip(np.rint(held[..., 1]), 0, height - 1).astype(np.intp)
    return rows, columns, inside


def _keys(share: Array) -> tuple[Array, Array, Array, Array]:
    t, t2, t3 = share, share**2, share**3
    return (
        -0.5 * t + t2 - 0.5 * t3,
        1 - 2.5 * t2 + 1.5 * t3,
        0.5 * t + 2 * t2 - 1.5 * t3,
        -0.5 * t2 + 0.5 * t3,
    )
