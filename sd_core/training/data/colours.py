"""The named colours."""

from __future__ import annotations

import colorsys
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

RGB: TypeAlias = NDArray[np.floating[Any]]


class Colour(StrEnum):
    """Names of the colours that captions tell apart."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    TURQUOISE = "turquoise"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"
    BROWN = "brown"
    WHITE = "white"
    GREY = "grey"
    BLACK = "black"


COLOURS: tuple[Colour, ...] = tuple(Colour)

# hue in degrees, saturation, value; and how far each may vary
_HSV: dict[Colour, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    Colour.RED: ((358, 0.83, 0.76), (5, 0.07, 0.06)),
    Colour.ORANGE: ((27, 0.88, 0.93), (4, 0.06, 0.04)),
    Colour.YELLOW: ((50, 0.78, 0.93), (4, 0.08, 0.04)),
    Colour.GREEN: ((118, 0.68, 0.58), (14, 0.08, 0.08)),
    Colour.TURQUOISE: ((176, 0.72, 0.76), (5, 0.08, 0.06)),
    Colour.BLUE: ((219, 0.80, 0.78), (7, 0.08, 0.08)),
    Colour.PURPLE: ((277, 0.66, 0.64), (8, 0.08, 0.08)),
    Colour.PINK: ((337, 0.42, 0.95), (8, 0.06, 0.03)),
    Colour.BROWN: ((24, 0.62, 0.42), (5, 0.06, 0.05)),
    Colour.WHITE: ((50, 0.03, 0.93), (40, 0.02, 0.02)),
    Colour.GREY: ((210, 0.03, 0.52), (60, 0.02, 0.05)),
    Colour.BLACK: ((220, 0.06, 0.12), (60, 0.04, 0.02)),
}


def colour_rgb(colour: Colour) -> RGB:
    """The middle of the named colour: (3,) float32, sRGB in [0, 1]."""
    hue, saturation, value = _HSV[colour][0]
    return np.asarray(colorsys.hsv_to_rgb(hue / 360, saturation, value), np.float32)


def varied_rgb(colour: Colour, rng: np.random.Generator) -> RGB:
    """A shade which still bears the name: (3,) float32, sRGB in [0, 1]."""
    centre, spread = _HSV[colour]
    hue, saturation, value = (c + s * rng.uniform(-1, 1) for c, s in zip(centre, spread, strict=True))
    return np.asarray(colorsys.hsv_to_rgb(hue / 360 % 1, saturation, value), np.float32)


def luma(rgb: RGB) -> float:
    """Rec. 601 brightness of (3,) sRGB in [0, 1]."""
    return float(rgb @ np.asarray((0.299, 0.587, 0.114), np.float32))


def companion(rgb: RGB, amount: float) -> RGB:
    """A second tone of the same hue: darker, or lighter where `rgb` is almost black; `amount` in [0, 1]."""
    if luma(rgb) < 0.2:
        return (rgb + np.float32(0.24 * amount)).astype(np.float32)
    return (rgb * np.float32(1 - 0.62 * amount)).astype(np.float32)


def apply_tone(rgb: RGB, tone: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """`rgb` (3,) or (h, w, 3) made brighter or darker by `tone` (h, w), 1 = unchanged.

    The pivot lies a little under black, so that black surfaces show their structure too.
    """
    lift = np.float32(0.09)
    return (rgb + lift) * tone[..., None] - lift
