"""By how much a picture must be shifted to be like itself: the periods of its pattern."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .patch_match import RADIUS, Floats, Ints, Mask

_MOST = 24

_OVERLAP = 0.1
"""Share of what is known that must still be compared at a shift."""

_SHADING = 8.0
"""px of the blur that is taken off: shading is no pattern."""


def likely_shifts(picture: Floats, hole: Mask) -> Ints:
    """(k, 2) shifts in rows and columns, at most 24 that lead out of the hole, the best first.

    Peaks of the correlation of all pairs of known pixels, normalised at each shift (Padfield 2012, "Masked object registration
    in the Fourier domain").

    Args:
        picture: (h, w, c) float32.
        hole: (h, w), what is not known.
    """
    # Shorter ones lead from the middle of the hole to where there is nothing to copy.
    shortest = RADIUS + float(np.asarray(ndimage.distance_transform_edt(hole)).max())
    known, luma = (~hole).astype(np.float64), picture.mean(axis=2, dtype=np.float64)
    detail = np.where(hole, 0, luma - np.asarray(ndimage.gaussian_filter(luma, _SHADING)))
    alike = _likeness(detail, known)
    height, width = luma.shape
    alike = np.roll(alike, (height, width), (0, 1))
    rows, columns = np.mgrid[-height:height, -width:width]
    alike[np.hypot(rows, columns) < shortest] = -1
    peaks = np.argwhere((alike == ndimage.maximum_filter(alike, 5)) & (alike > 0))
    shifts = peaks - (height, width)
    # Of shifts that are as good, the shorter first: they compare more pixels, and all others are sums of them.
    order = np.lexsort((np.hypot(*shifts.T), -alike[tuple(peaks.T)].round(2)))
    return shifts[order[:_MOST]]


def _likeness(detail: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2h, 2w) correlation in [-1, 1] at each shift, -1 where too little is left to compare."""
    shape = (2 * detail.shape[0], 2 * detail.shape[1])
    value, square, mask = (np.fft.rfft2(plane, shape) for plane in (detail, detail**2, known))
    pairs = np.fft.irfft2(mask * mask.conj(), shape)
    energy = np.fft.irfft2(square * mask.conj() + mask * square.conj(), shape)
    product = np.fft.irfft2(value * value.conj(), shape)
    return np.where(pairs > _OVERLAP * known.sum(), 2 * product / np.maximum(energy, 1e-9), -1)
