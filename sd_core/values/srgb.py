"""Between sRGB-encoded values and linear light, IEC 61966-2-1."""

from __future__ import annotations

import numpy as np

from .arrays import Array


def decode_srgb(encoded: Array) -> Array:
    """Linear light, float32, of encoded values >= 0 of any shape."""
    value = np.maximum(encoded, 0)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def encode_srgb(linear: Array) -> Array:
    """Encoded values, float32, of linear light >= 0 of any shape."""
    value = np.maximum(linear, 0)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055).astype(np.float32)
