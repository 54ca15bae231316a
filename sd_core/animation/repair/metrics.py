"""What is measured on every frame."""

from __future__ import annotations

import numpy as np

from sd_core.values import Array
from sd_core.values.luminance import luminance

from ..geometry.sampling import bilinear


def warp_error(image: Array, before: Array, offsets: Array, seen: Array) -> float | None:
    """Mean squared difference to the frame before, fetched along the exact motion (Lai et al. 2018, arXiv:1808.00449).

    Args:
        image, before: (h, w, 3) float32 in [0, 1].
        offsets: (h, w, 2) px: where each point was a frame ago, relative to its pixel.
        seen: (h, w) bool, points that are visible in both.

    Returns:
        None where nothing is visible in both.
    """
    if not seen.any():
        return None
    rows, columns = np.nonzero(seen)
    places = offsets[rows, columns] + np.stack([columns, rows], axis=-1)
    difference = image[rows, columns] - bilinear(before, places)
    return float(np.mean(difference.astype(np.float64) ** 2))


def sharpness(image: Array) -> float:
    """Variance of the Laplacian of the luma of (h, w, 3) in [0, 1] (Pech-Pacheco et al. 2000)."""
    return float(laplacian(image).astype(np.float64).var())


def laplacian(image: Array) -> Array:
    """(h - 2, w - 2) float32, of the luma."""
    grey = luminance(image)
    neighbours = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return neighbours - 4 * grey[1:-1, 1:-1]
