"""Light taken out of painted texels: the part of the brightness that follows the direction in which a face looks."""

from __future__ import annotations

import numpy as np

from sd_core.values.luminance import luma

from .surface import Floats

_SAMPLED = 60_000
_ROUNDS = 12
"""Of reweighting; the fit changes by less than a thousandth after eight."""

_ROBUST = 2.5
"""Residuals beyond so many scales count for less (Huber 1964): a few odd texels do not pass for light, and skewed patterns
still have the mean that they have."""

_SPREAD = 0.02
"""Least variance of the normals along the axis where they vary most: below it, as on a ground, direction says nothing."""

_MOST = np.log(3.0)
"""No texel is made more than three times brighter or darker."""

_DARKEST = 1 / 255
_RANK = 1e-4
"""Directions that no face has get none of the light: singular values below this share of the largest are left out."""


def without_light(colours: Floats, normals: Floats, seen: np.ndarray, up: tuple[float, float, float]) -> Floats:
    """Colours (n, 3), sRGB-encoded, with faces of all directions equally bright in the mean.

    Args:
        normals: (n, 3) unit normals.
        seen: (n,) which texels were painted; the others are left as they are.
        up: the direction from which light is painted.

    The logarithm of the mean luma is fitted with spherical harmonics of the normal up to the third order, and the fourth
    about `up`. Irradiance of a convex surface has hardly more than the second (Ramamoorthi and Hanrahan 2001), but painted light
    falls off more sharply: without the further ones a band of a sphere stayed 10 % too bright, against 3 %. Encoded
    values are divided, which is the same as to divide light by a power of it: so directions come to look equally bright, which
    is what was measured.
    """
    chosen = np.flatnonzero(seen)
    if not len(chosen) or _spread(normals[chosen]) < _SPREAD:
        return colours
    level = np.maximum(luma(colours[chosen]), _DARKEST).astype(np.float64)
    basis = _harmonics(normals[chosen].astype(np.float64), np.asarray(up))
    sample = np.random.default_rng(0).permutation(len(chosen))[:_SAMPLED]
    light = basis @ _fit(basis[sample], level[sample])
    gain = np.exp(np.clip(np.log(level.mean()) - light, -_MOST, _MOST)).astype(np.float32)
    lit = colours.copy()
    lit[chosen] = np.clip(colours[chosen] * gain[:, None], 0, 1)
    return lit


def _spread(normals: Floats) -> float:
    return float(np.linalg.eigvalsh(np.cov(normals.T.astype(np.float64)))[-1])


def _harmonics(normal: Floats, up: Floats) -> Floats:
    """(n, 17) polynomials that span the harmonics of orders 0 to 3, and that of order 4 about `up`."""
    x, y, z = normal.T
    first = [np.ones_like(x), x, y, z]
    second = [x * y, y * z, z * x, x * x - y * y, 3 * z * z - 1]
    third = [y * (3 * x * x - y * y), x * y * z, y * (5 * z * z - 1), z * (5 * z * z - 3), x * (5 * z * z - 1)]
    return np.stack(
        [*first, *second, *third, z * (x * x - y * y), x * (x * x - 3 * y * y), (normal @ up) ** 4], axis=-1
    )


def _fit(basis: Floats, level: Floats) -> Floats:
    """Coefficients (k,) of the logarithm of the mean `level` (n,), > 0, over `basis` (n, k).

    Quasi-likelihood with variance as the square of the mean (Wedderburn 1974), by iteratively reweighted least squares:
    other than with logarithms of single texels, what is left has the same mean in all directions, however dark its pattern.
    """
    found = np.linalg.lstsq(basis, np.log(level), rcond=_RANK)[0]
    for _ in range(_ROUNDS):
        logarithm = basis @ found
        off = level / np.exp(logarithm) - 1
        scale = max(1.4826 * float(np.median(np.abs(off))), 1e-6)
        root = np.sqrt(np.minimum(1, _ROBUST * scale / np.maximum(np.abs(off), 1e-12)))
        found = np.linalg.lstsq(basis * root[:, None], (logarithm + off) * root, rcond=_RANK)[0]
    return found
