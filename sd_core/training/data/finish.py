"""Finishes: a periodic surface as an image pyramid, laid on solids from three sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sd_core.training.data.modifiers import Surface
from sd_core.training.data.noise import Plane, slopes

CHANNELS = 6  # red, green, blue, two slopes of the height, glow
LEVELS = 5
SHRINK = np.float32(0.5) ** np.arange(LEVELS, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """A texture for solids."""

    texels: Plane
    """(n, CHANNELS) all levels of the pyramid, one after the other, row by row."""
    sizes: NDArray[np.int32]
    """(LEVELS, 2) height and width of each level."""
    starts: NDArray[np.int32]
    """(LEVELS,) where each level begins."""
    density: float
    """Texels per scene unit."""
    gloss: float
    height_scale: float

    def lookup(self, u: Plane, v: Plane, level: Plane) -> Plane:
        """Texels (n, CHANNELS) at positions (n,) in texels of the finest level, between two levels of the pyramid."""
        low = level.astype(np.int32)
        share = (level - low.astype(np.float32))[:, None]
        fine = self._bilinear(u, v, low)
        blend = np.flatnonzero(share[:, 0] > 0.02)
        if len(blend):
            coarse = self._bilinear(u[blend], v[blend], np.minimum(low[blend] + 1, LEVELS - 1))
            fine[blend] += (coarse - fine[blend]) * share[blend]
        return fine

    def _bilinear(self, u: Plane, v: Plane, level: NDArray[np.int32]) -> Plane:
        height, width = self.sizes[level, 0], self.sizes[level, 1]
        shrink = SHRINK[level]
        x, y = u * shrink - np.float32(0.5), v * shrink - np.float32(0.5)
        i, j = np.floor(x), np.floor(y)
        a, b = (x - i)[:, None], (y - j)[:, None]
        i, j = i.astype(np.int32), j.astype(np.int32)
        base = self.starts[level]
        rows = base + (j % height) * width, base + ((j + 1) % height) * width
        columns = i % width, (i + 1) % width
        top = self.texels[rows[0] + columns[0]] * (1 - a) + self.texels[rows[0] + columns[1]] * a
        bottom = self.texels[rows[1] + columns[0]] * (1 - a) + self.texels[rows[1] + columns[1]] * a
        return top * (1 - b) + bottom * b

    def triplanar(self, points: Plane, normals: Plane, level: Plane) -> tuple[Plane, Plane]:
        """Texels (n, CHANNELS) and the slope of the height as a vector (n, 3), at local points (n, 3)."""
        weights = np.abs(normals.T) ** 8
        weights[weights < 0.06 * weights.max(0)] = 0
        weights /= np.maximum(weights.sum(0), np.float32(1e-9))
        texels = np.zeros((len(points), CHANNELS), np.float32)
        bump = np.zeros((len(points), 3), np.float32)
        scaled = points * np.float32(self.density)
        for axis, (right, down, sign) in enumerate(((1, 2, -1), (0, 2, -1), (0, 1, 1))):
            seen = np.flatnonzero(weights[axis] > 0)
            if not len(seen):
                continue
            sample = self.lookup(scaled[seen, right] + axis * 37, sign * scaled[seen, down] + axis * 11, level[seen])
            sample *= weights[axis, seen, None]
            texels[seen] += sample
            bump[seen, right] += sample[:, 3]
            bump[seen, down] += sign * sample[:, 4]
        return texels, bump


def make_finish(surface: Surface, density: float) -> Finish:
    """The image pyramid of a surface with `density` texels to a scene unit."""
    dx, dy = slopes(surface.height)
    level = np.dstack([surface.albedo, dx, dy, surface.glow]).astype(np.float32)
    levels: list[Plane] = [level]
    for _ in range(LEVELS - 1):
        level = (level[::2, ::2] + level[1::2, ::2] + level[::2, 1::2] + level[1::2, 1::2]) / 4
        levels.append(level)
    sizes = np.asarray([item.shape[:2] for item in levels], np.int32)
    starts = np.concatenate([[0], np.cumsum(sizes.prod(-1))[:-1]]).astype(np.int32)
    texels = np.concatenate([item.reshape(-1, CHANNELS) for item in levels])
    return Finish(texels=texels, sizes=sizes, starts=starts, density=density, gloss=surface.gloss, height_scale=1.0)
