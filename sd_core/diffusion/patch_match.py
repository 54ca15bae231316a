"""Which known patch of a picture is most like each patch that is to be filled (Barnes et al. 2009, "PatchMatch")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

RADIUS = 3
"""Of a patch, in px: 7 x 7, as in Wexler et al. 2007."""

SIDE = 2 * RADIUS + 1

_NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_REACHES = (4, 2, 1)
_NARROWER = 3
"""By how much the window of the random search shrinks from try to try."""


@dataclass(frozen=True, slots=True)
class Patches:
    """Patches of a picture, by the row and column of their middles.

    Attributes:
        picture: (h + 2r, w + 2r, c) float32, continued by `RADIUS` px on every side.
        trust: (h + 2r, w + 2r) float32, how much each pixel counts where it belongs to a target.
        free: (h, w), whether the whole patch is known, so that it may be copied.
        targets: (n, 2) the patches that are to be filled.
    """

    picture: Floats
    trust: Floats
    free: Mask
    targets: Ints

    def cost(self, which: Ints, sources: Ints) -> Floats:
        """(m,) mean squared differences of the targets number `which` (m,) and the patches at `sources` (m, 2)."""
        targets = self.targets[which]
        total, weight = np.zeros(len(which), np.float32), np.full(len(which), 1e-9, np.float32)
        for row in range(SIDE):
            for column in range(SIDE):
                y, x = targets[:, 0] + row, targets[:, 1] + column
                off = self.picture[y, x] - self.picture[sources[:, 0] + row, sources[:, 1] + column]
                trust = self.trust[y, x]
                total += trust * np.einsum("nc,nc->n", off, off)
                weight += trust
        return total / weight

    def is_source(self, places: Ints) -> Mask:
        """(n,), whether the patches at `places` (n, 2), which may lie outside, can be copied."""
        inside = ((places >= 0) & (places < self.free.shape)).all(axis=1)
        rows, columns = places.clip(0, np.array(self.free.shape) - 1).T
        return inside & self.free[rows, columns]


class Matches:
    """The best source known for every target, and its cost; both change as better ones are proposed."""

    def __init__(self, patches: Patches, sources: Ints) -> None:
        self._patches, self.sources = patches, sources.copy()
        self.cost = patches.cost(np.arange(len(sources)), sources)
        self._number = np.full(patches.free.shape, -1, np.int64)
        self._number[tuple(patches.targets.T)] = np.arange(len(sources))

    def propose(self, sources: Ints) -> None:
        """Take those of `sources` (n, 2) that are better."""
        wanted = self._patches.is_source(sources) & (sources != self.sources).any(axis=1)
        which = np.flatnonzero(wanted)
        cost = self._patches.cost(which, sources[which])
        better = cost < self.cost[which]
        self.sources[which[better]], self.cost[which[better]] = sources[which[better]], cost[better]

    def propagate(self) -> None:
        """Take what neighbours have found, moved back by the way to them."""
        for reach in _REACHES:
            for step in _NEIGHBOURS:
                way = np.array(step) * reach
                number = self._numbers(self._patches.targets + way)
                self.propose(np.where((number >= 0)[:, None], self.sources[number] - way, self.sources))

    def search(self, rng: np.random.Generator) -> None:
        """Try places around what was found, ever nearer."""
        width = max(self._patches.free.shape)
        while width > 1:
            self.propose(self.sources + rng.integers(-width, width + 1, self.sources.shape))
            width //= _NARROWER

    def _numbers(self, places: Ints) -> Ints:
        inside = ((places >= 0) & (places < self._number.shape)).all(axis=1)
        rows, columns = places.clip(0, np.array(self._number.shape) - 1).T
        return np.where(inside, self._number[rows, columns], -1)
