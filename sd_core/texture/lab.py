"""CIE L*a*b*, in which distances are about as large as they look; white is that of sRGB, D65."""

from __future__ import annotations

import numpy as np

from sd_core.values.srgb import decode_srgb, encode_srgb

from .periodic import Plane

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _TO_XYZ.sum(axis=1)
_KNEE = 6 / 29
"""Where the cube root goes over into a line."""


def to_lab(encoded: Plane) -> Plane:
    """L* in [0, 100], a* and b* (..., 3), float64, of sRGB-encoded values (..., 3) in [0, 1]."""
    xyz = decode_srgb(encoded).astype(np.float64) @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > _KNEE**3, np.cbrt(xyz), xyz / (3 * _KNEE**2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def from_lab(lab: Plane) -> Plane:
    """sRGB-encoded values (..., 3), float32, cut to [0, 1], of L*, a* and b*."""
    light, a, b = np.moveaxis(lab, -1, 0)
    y = (light + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200], axis=-1)
    xyz = np.where(f > _KNEE, f**3, 3 * _KNEE**2 * (f - 4 / 29)) * _WHITE
    return np.clip(encode_srgb(xyz @ np.linalg.inv(_TO_XYZ).T), 0, 1).astype(np.float32)
