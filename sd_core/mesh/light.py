"""Light taken out of painted texels: the part of the brightness that follows the direction in which a face looks."""

from __future__ import annotations

import numpy as np

from sd_core.values.luminance import luminance
from sd_core.values.srgb import decode_srgb, encode_srgb

from .surface import Floats

_SAMPLED = 60_000
_ROUNDS = 8
"""Of reweighting; the fit changes by less than a thousandth after six."""

_ROBUST = 1.345
"""Residuals beyond so many scales count for less (Huber 1964; 95 % efficient for normal errors)."""

_SPREAD = 0.02
"""Least variance of the normals along the axis where they vary most: below it, as on a ground, direction says nothing."""

_MOST = np.log(3.0)
"""No texel is made more than three times brighter or darker."""

_DARKEST = 2e-3
"""Linear luminance at which black is taken to be, so that its logarithm exists: about 4 of 255."""


def without_light(colours: Floats, normals: Floats, seen: np.ndarray) -> Floats:
    """Colours (n, 3), sRGB-encoded, with faces of all directions equally bright in the mean.

    Args:
        normals: (n, 3) unit normals.
        seen: (n,) which texels were painted; the others are left as they are.

    The logarithm of luminance is fitted with spherical harmonics of the normal up to the third order, robustly, so that a
    pattern of few dark or bright texels does not pass for light. Irradiance of a convex surface has hardly more than the
    second (Ramamoorthi and Hanrahan 2001); painted light has creases besides.
    """
    chosen = np.flatnonzero(seen)
    if not len(chosen) or _spread(normals[chosen]) < _SPREAD:
        return colours
    linear = decode_srgb(colours[chosen])
    level = np.log(np.maximum(luminance(linear), _DARKEST))
    basis = _harmonics(normals[chosen].astype(np.float64))
    sample = np.random.default_rng(0).permutation(len(chosen))[:_SAMPLED]
    light = basis @ _fit(basis[sample], level[sample].astype(np.float64))
    gain = np.exp(np.clip(light.mean() - light, -_MOST, _MOST))
    lit = colours.copy()
    lit[chosen] = np.clip(encode_srgb(linear * gain[:, None]), 0, 1)
    return lit


def _spread(normals: Floats) -> float:
    return float(np.linalg.eigvalsh(np.cov(normals.T.astype(np.float64)))[-1])


def _harmonics(normal: Floats) -> Floats:
    """(n, 16) polynomials that span the harmonics of orders 0 to 3."""
    x, y, z = normal.T
    first = [np.ones_like(x), x, y, z]
    second = [x * y, y * z, z * x, x * x - y * y, 3 * z * z - 1]
    third = [y * (3 * x * x - y * y), x * y * z, y * (5 * z * z - 1), z * (5 * z * z - 3), x * (5 * z * z - 1)]
    return np.stack([*first, *second, *third, z * (x * x - y * y), x * (x * x - 3 * y * y)], axis=-1)


def _fit(basis: Floats, level: Floats) -> Floats:
    """Coefficients by iteratively reweighted least squares; directions that no face has get none of the light."""
    weight = np.ones(len(level))
    found = np.zeros(basis.shape[1])
    for _ in range(_ROUNDS):
        root = np.sqrt(weight)
        found = np.linalg.lstsq(basis * root[:, None], level * root, rcond=1e-4)[0]
        off = np.abs(level - basis @ found)
        scale = max(1.4826 * float(np.median(off)), 1e-6)
        weight = np.minimum(1, _ROBUST * scale / np.maximum(off, 1e-12))
    return found
