"""Colours brought to those of another surface: their mean and their spread, in CIE L*a*b*."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .lab import from_lab, to_lab
from .periodic import Plane

_MOST = 1.5
"""The spread of a channel is made at most so much larger or smaller: more would show noise, or flatten a pattern."""

_ROUNDS = 4
"""Colours that leave sRGB are cut off, which moves the mean; each round moves it back."""


@dataclass(frozen=True, slots=True)
class ColourStatistics:
    """Mean (3,) and standard deviation (3,) of L*, a*, b*."""

    mean: Plane
    spread: Plane

    @classmethod
    def of(cls, colours: Plane) -> ColourStatistics:
        """Of sRGB-encoded colours (n, 3)."""
        lab = to_lab(colours)
        return cls(lab.mean(axis=0), lab.std(axis=0))

    def shift(self, other: ColourStatistics) -> float:
        """Distance of the means, dE of CIE 1976."""
        return float(np.linalg.norm(self.mean - other.mean))


def match_colours(colours: Plane, wanted: ColourStatistics) -> Plane:
    """sRGB-encoded colours (n, 3), moved and stretched to the `wanted` mean and spread."""
    lab = to_lab(colours)
    own = ColourStatistics.of(colours)
    gain = np.clip(wanted.spread / np.maximum(own.spread, 1e-6), 1 / _MOST, _MOST)
    moved = (lab - own.mean) * gain + wanted.mean
    made = from_lab(moved)
    for _ in range(_ROUNDS):
        moved = moved + (wanted.mean - ColourStatistics.of(made).mean)
        made = from_lab(moved)
    return made
