"""Whether a picture tiles: the seam compared with every other place where it might have been."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sd_core.requests import Seamless

from .periodic import blur

PASSES, FAILS = 1.10, 1.25
"""Up to the first a picture tiles; above the second it does not."""

_BAND = 8
_SIGMA = 3.0
_SCALES = (1, 2, 4)
_LEAST = 0.1 / 255
"""Differences well below a step of 8 bit are none."""


def wrap_score(picture: NDArray[np.generic], axes: Seamless = Seamless.XY) -> float:
    """How much the wrap stands out: about 1 or less where nothing distinguishes it from the interior.

    Args:
        picture: (h, w) or (h, w, c), uint8 or floats in [0, 1].
        axes: the axes to judge; `NONE` scores 0.

    In a picture that tiles the wrap is a place like any other, so that differences across it do not exceed the largest
    inside, at three scales; and the fine detail around it lies between the least and the most found inside, which that
    of a seam blurred away does not.
    """
    floats = picture.astype(np.float32) / (255 if picture.dtype == np.uint8 else 1)
    planes = floats if floats.ndim == 3 else floats[..., None]
    scores = [0.0]
    if axes in (Seamless.X, Seamless.XY):
        scores.append(_score_of_columns(planes))
    if axes in (Seamless.Y, Seamless.XY):
        scores.append(_score_of_columns(planes.transpose(1, 0, 2)))
    return max(scores)


def _score_of_columns(planes: NDArray[np.floating[Any]]) -> float:
    """`planes` (h, w, c); the wrap lies between the last and the first column."""
    scores = [_band_score(planes)]
    for scale in _SCALES:
        small = _shrunk(planes, scale)
        first = np.abs(small - np.roll(small, 1, 1)).mean(axis=(0, 2))
        second = np.abs(2 * small - np.roll(small, 1, 1) - np.roll(small, -1, 1)).mean(axis=(0, 2))
        scores += [_ratio(first[0], first[1:].max()), _ratio(max(second[0], second[-1]), second[1:-1].max())]
    return max(scores)


def _band_score(planes: NDArray[np.floating[Any]]) -> float:
    """Energy of fine detail in a band about the wrap against the most and the least of the bands inside."""
    detail = np.stack([c - blur(c, _SIGMA) for c in np.moveaxis(planes, 2, 0)])
    energy = np.sqrt((detail**2).mean(axis=(0, 1)))
    bands = np.stack([np.roll(energy, shift) for shift in range(-_BAND // 2, _BAND // 2)]).mean(axis=0)
    inside = bands[_BAND:-_BAND]
    if not inside.size:
        return 0.0
    return max(_ratio(bands[0], inside.max()), _ratio(inside.min(), bands[0]))


def _shrunk(planes: NDArray[np.floating[Any]], scale: int) -> NDArray[np.floating[Any]]:
    height, width = (n // scale * scale for n in planes.shape[:2])
    blocks = planes[:height, :width].reshape(height // scale, scale, width // scale, scale, -1)
    return blocks.mean(axis=(1, 3))


def _ratio(of: float, to: float) -> float:
    return float((of + _LEAST) / (to + _LEAST))
