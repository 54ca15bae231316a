"""The weights of red, green and blue in the brightness of a picture, by standard. Arrays are float32, and results hang on it."""

from __future__ import annotations

import numpy as np

from .arrays import Array

REC_601 = (0.299, 0.587, 0.114)
"""ITU-R BT.601: of encoded values, as in JPEG and in Pillow's mode "L"."""

REC_709 = (0.2126, 0.7152, 0.0722)
"""ITU-R BT.709, also sRGB's: of linear light."""


def luma(rgb: Array) -> Array:
    """Rec. 601 luma (...) of encoded values (..., 3), in the same range."""
    return rgb @ np.array(REC_601, np.float32)


def luminance(rgb: Array) -> Array:
    """Rec. 709 luminance (...) of linear light (..., 3), in the same range."""
    return rgb @ np.array(REC_709, np.float32)
