"""What a material is made with (`MaterialContext`) and what it makes (`Layers`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from sd_core.training.data.cells import Cells, scattered_points, voronoi
from sd_core.training.data.colours import RGB
from sd_core.training.data.noise import Plane, periodic_noise


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialContext:
    """The place where a material is drawn: size, feature size, colour and randomness."""

    shape: tuple[int, int]
    """(h, w) px; what is drawn wraps at both edges."""
    size: float
    """Typical feature size in px, about 20 to 105."""
    rgb: RGB
    """The named colour, (3,) sRGB in [0, 1]."""
    rng: np.random.Generator

    def noise(self, wavelength: float, octaves: float = 0.5, stretch: float = 1.0) -> Plane:
        """Periodic noise (h, w) of unit variance; see `periodic_noise`."""
        return periodic_noise(self.rng, self.shape, wavelength, octaves, stretch)

    def random(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def values(self, count: int, low: float = -1.0, high: float = 1.0) -> Plane:
        """One uniform value for each of `count` cells."""
        return self.rng.uniform(low, high, count).astype(np.float32)

    def cells(self, size: float, jitter: float, bend: float = 0.0) -> Cells:
        """Random Voronoi cells `size` px apart with borders bent by about `bend` px."""
        points = scattered_points(self.rng, self.shape, size, jitter)
        if bend == 0:
            return voronoi(points, self.shape)
        return voronoi(points, self.shape, dx=self.bend(size, bend), dy=self.bend(size, bend))

    def bend(self, size: float, amount: float) -> Plane:
        """A displacement of about `amount` px for features of `size` px."""
        return self.noise(max(size * 0.9, 10.0), 0.6) * np.float32(amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """A flat material before light falls on it; planes are (h, w) float32."""

    height: Plane
    """Relief in px, larger = nearer to the viewer."""
    tone: Plane
    """Brightness of the surface, 1 = the colour itself."""
    tint: Plane | None = None
    """1 where the named colour shows, 0 where `second` does; None: everywhere the named colour."""
    second: RGB = field(default_factory=lambda: np.zeros(3, np.float32))
    gloss: float = 0.15
    """Strength of highlights, 0 to 1."""
    glow: Plane | None = None
    """How much of the colour shines by itself, 0 to 1."""


DrawMaterial: TypeAlias = Callable[[MaterialContext], Layers]


def flat(context: MaterialContext) -> Plane:
    """A flat height map."""
    return np.zeros(context.shape, np.float32)


def grey(value: float, warmth: float = 0.0) -> RGB:
    """A neutral second colour; `warmth` moves it towards yellow."""
    return np.clip(np.asarray((value + warmth, value, value - warmth), np.float32), 0, 1)
