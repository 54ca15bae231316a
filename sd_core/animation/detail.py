"""Detail that the autoencoder loses, given back where the reference says what it was."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from sd_core.values import Array

from .births import Births, inside_patches

_BORDER = 1
"""px at the border of a patch of one birth that are not trusted."""

_AGREES = 0.12
"""Difference in [0, 1] from which on the picture no longer shows what the reference does."""


def with_lost_detail(image: Array, reference: Array, again: Array, births: Births) -> Array:
    """`image` plus what the reference lost on its way through the autoencoder, where both still show the same.

    Every pass through the autoencoder costs detail; its own error on the reference, `reference - again`, is just that
    detail (after Yang et al. 2023, "Rerender A Video", arXiv:2306.07954, eq. 9, in pixels instead of latents). It is no
    copy of the reference: where the network changed something, the change stays, and its detail is the network's.

    Args:
        image: (h, w, 3) float32 in [0, 1], decoded.
        reference: likewise, sampled from birth frames.
        again: likewise, the reference encoded and decoded.
        births: where each pixel of the reference comes from.
    """
    trusted = inside_patches(births, _BORDER).astype(np.float32)
    trusted = np.minimum(trusted, uniform_filter(trusted, 3, mode="nearest"))
    gap = uniform_filter(np.abs(image - again).mean(-1), 5, mode="nearest")
    share = trusted * np.exp(-((gap / _AGREES) ** 2))
    return np.clip(image + share[..., None] * (reference - again), 0, 1).astype(np.float32)
