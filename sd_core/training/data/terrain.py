"""Landscapes: a height map over the xy plane, met by marching along rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sd_core.training.data.noise import Plane, blur, periodic_noise, slopes
from sd_core.training.data.solids import MISS, unit

GRID = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """A periodic landscape."""

    heights: Plane
    """(g, g) scene units at the corners of a periodic grid."""
    slope_x: Plane
    slope_y: Plane
    period: float
    """Scene units after which the landscape repeats."""

    @property
    def top(self) -> float:
        return float(self.heights.max())

    def _sample(self, grid: Plane, x: Plane, y: Plane) -> Plane:
        size = len(grid)
        scale = np.float32(size / self.period)
        u, v = x * scale + np.float32(size * 64), y * scale + np.float32(size * 64)
        i, j = u.astype(np.int32), v.astype(np.int32)  # both positive: truncation is the floor
        a, b = u - i.astype(np.float32), v - j.astype(np.float32)
        i, j = i % size, j % size
        k, m = (i + 1) % size, (j + 1) % size * size
        j = j * size
        flat = grid.ravel()
        low = flat[j + i]
        low += (flat[j + k] - low) * a
        high = flat[m + i]
        high += (flat[m + k] - high) * a
        return low + (high - low) * b

    def altitude(self, x: Plane, y: Plane) -> Plane:
        """Heights (n,) at (n,), (n,)."""
        return self._sample(self.heights, x, y)

    def cast(self, origin: Plane, rays: Plane, far: float, steps: int = 56) -> Plane:
        """Ray parameters (n,) of the first hits nearer than `far`, inf where there is none.

        Steps grow with the distance; where one ends under the ground, the hit is found between its ends.
        """
        result = np.full(len(rays), MISS, np.float32)
        start = np.full(len(rays), 0.05, np.float32)
        if origin[2] > self.top:
            with np.errstate(divide="ignore"):
                start = np.where(rays[:, 2] < 0, (self.top - origin[2]) / rays[:, 2], MISS).astype(np.float32)
        alive = np.flatnonzero(start < far)
        growth = (np.float32(far) / start[alive]) ** np.float32(1 / steps)
        t, rays_left = start[alive], rays[alive]
        gap = np.full(len(alive), 1e-3, np.float32)
        for _ in range(steps):
            ahead = t * growth
            at = origin + ahead[:, None] * rays_left
            below = at[:, 2] - self.altitude(at[:, 0], at[:, 1])
            hit = below < 0
            if hit.any():
                result[alive[hit]] = self._refine(origin, rays_left[hit], (t[hit], gap[hit]), (ahead[hit], below[hit]))
            keep = np.flatnonzero(~hit & ((at[:, 2] < self.top) | (rays_left[:, 2] < 0)))
            alive, growth, t, gap, rays_left = alive[keep], growth[keep], ahead[keep], below[keep], rays_left[keep]
            if not len(alive):
                break
        return result

    def _refine(self, origin: Plane, rays: Plane, over: tuple[Plane, Plane], under: tuple[Plane, Plane]) -> Plane:
        """The zero between a parameter over the ground and one under it (regula falsi, Illinois variant)."""
        (a, gap_a), (b, gap_b) = over, under
        for _ in range(7):
            t = a + (b - a) * (gap_a / (gap_a - gap_b))
            at = origin + t[:, None] * rays
            gap = at[:, 2] - self.altitude(at[:, 0], at[:, 1])
            below = gap < 0
            gap_a, gap_b = np.where(below, gap_a * np.float32(0.5), gap), np.where(below, gap, gap_b * np.float32(0.5))
            a, b = np.where(below, a, t), np.where(below, t, b)
        return np.where(np.abs(gap_a) < np.abs(gap_b), a, b)

    def normals(self, points: Plane) -> Plane:
        """Smooth unit normals (n, 3) at points (n, 3)."""
        dx = self._sample(self.slope_x, points[:, 0], points[:, 1])
        dy = self._sample(self.slope_y, points[:, 0], points[:, 1])
        return unit(np.stack([-dx, -dy, np.ones_like(dx)], -1))


def make_terrain(rng: np.random.Generator) -> Terrain:
    """Hills, dunes, crags or terraces."""
    period = float(rng.uniform(9, 16))
    shape = (GRID, GRID)
    base = periodic_noise(rng, shape, float(rng.uniform(40, 75)), float(rng.uniform(0.4, 0.9)))
    style = rng.integers(4)
    if style == 1:
        base = 1.6 - 2.2 * np.abs(base) + 0.25 * periodic_noise(rng, shape, 24, 0.8)
    elif style == 2:
        level = base * 1.6
        base = (np.floor(level) + np.clip((level % 1 - 0.5) * 4 + 0.5, 0, 1)) / 1.6
    elif style == 3:
        base = np.abs(base) ** 1.6
    heights = blur(base.astype(np.float32), 1.5) * np.float32(rng.uniform(0.45, 0.95))
    dx, dy = slopes(heights)
    scale = np.float32(GRID / period)
    return Terrain(heights=heights, slope_x=dx * scale, slope_y=dy * scale, period=period)
