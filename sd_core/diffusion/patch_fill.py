"""Holes of a picture filled from the picture itself: shading goes on smoothly, patterns are continued by patches like them.

Coarse to fine, as in Wexler et al. 2007, "Space-time completion of video": every patch over the hole finds the known patch that
is most like it, and each pixel becomes what the patches over it say. The pattern's own periods are tried first (He & Sun 2012,
"Statistics of patch offsets for image completion"). What is copied is joined to the picture by its gradients, see `join`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .patch_join import join
from .patch_match import RADIUS, SIDE, Floats, Ints, Mask, Matches, Patches
from .patch_shifts import likely_shifts

Smooth = Callable[[Floats, Mask], Floats]

_COARSEST = 24
"""Side in px below which a picture is not halved."""

_DEEPEST = 5.0
"""Depth of a hole in px at the coarsest level: less than a patch, so that the first patches see what is known."""

_PASSES, _SEARCHES = (2, 6), (1, 2)
"""Passes over the finest level and over a coarser one, and searches in each pass."""

_DOUBT = 1.3
"""By how much a pixel counts less for each px that it lies deeper in the hole (Wexler et al. 2007)."""

_FIRST_GUESS = 0.001
"""Trust in the smooth guess that everything starts from: a pattern must not be matched to its blur."""

_COPIED = 0.5
"""Share of the one best patch, which keeps the grain, against the mean of all, which errs least."""

_NEAREST = 0.05
"""By how much a patch's cost rises for each squared px between its middle and the pixel it speaks for."""


def patch_fill(picture: Floats, hole: Mask, smooth: Smooth) -> Floats:
    """A picture with its hole filled; the same input gives the same bytes.

    Args:
        picture: (h, w, 3) float32 in [0, 1].
        hole: (h, w), True where it is to be filled.
        smooth: fills a hole of a picture smoothly: the first guess, and the result where there is no patch to copy.

    Returns:
        (h, w, 3) float32; outside the hole the picture as it was.
    """
    if not hole.any():
        return picture
    levels = _pyramid(picture, hole)
    rng = np.random.default_rng(0)
    filled, copied, found = smooth(*levels[-1]), None, None
    for index in reversed(range(len(levels))):
        known, gap = levels[index]
        guess = np.where(gap[..., None], _enlarge(filled, gap.shape), known).astype(np.float32)
        level = _Level(guess, gap, rng)
        if not level.free.any():
            filled, found, copied = guess, None, None
            continue
        first = found is None
        sources = level.first_sources(found)
        if not first:
            level.copy(sources)
        passes, searches = _PASSES[int(index > 0)], _SEARCHES[int(index > 0)]
        copied, sources = level.refine(sources, passes, searches, doubt_guess=first)
        filled, found = level.filled, _Found(level.targets, sources)
    return smooth(picture, hole) if copied is None else join(picture, copied, hole)


@dataclass(frozen=True, slots=True)
class _Found:
    """Sources (n, 2) of targets (n, 2) at a coarser level."""

    targets: Ints
    sources: Ints


class _Level:
    """One level of the pyramid, whose hole is filled better and better."""

    def __init__(self, guess: Floats, gap: Mask, rng: np.random.Generator) -> None:
        near = np.asarray(ndimage.maximum_filter(gap, SIDE), bool)
        inner = np.zeros_like(gap)
        inner[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
        self.filled, self.free, self.targets = guess, ~near & inner, np.argwhere(near)
        self._gap, self._rng = gap, rng
        self._depth = np.asarray(ndimage.distance_transform_edt(gap), np.float32)

    def first_sources(self, coarse: _Found | None) -> Ints:
        """Those of the coarser level, else any."""
        if coarse is None:
            return self._any(len(self.targets))
        half = self.targets // 2
        size = np.maximum(coarse.targets.max(0), half.max(0)) + 1
        offset, empty = np.zeros((*size, 2), np.int64), np.ones(size, bool)
        offset[tuple(coarse.targets.T)] = coarse.sources - coarse.targets
        empty[tuple(coarse.targets.T)] = False
        rows, columns = np.asarray(ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True))
        nearest = offset[rows, columns][tuple(half.T)]
        sources = (self.targets + 2 * nearest).clip(0, np.array(self.free.shape) - 1)
        blocked = ~self.free[tuple(sources.T)]
        sources[blocked] = self._any(int(blocked.sum()))
        return sources

    def copy(self, sources: Ints) -> None:
        """Give each pixel of the hole the middle of its own patch's source: what is copied is never a blur."""
        wanted = self._gap[tuple(self.targets.T)]
        self.filled[tuple(self.targets[wanted].T)] = self.filled[tuple(sources[wanted].T)]

    def refine(self, sources: Ints, passes: int, searches: int, *, doubt_guess: bool) -> tuple[Floats, Ints]:
        """What is copied (h, w, 3), which also covers the pixels next to the hole, and from where."""
        copied, shifts = self.filled, likely_shifts(self.filled, self._gap)
        for number in range(passes):
            doubt = _FIRST_GUESS if doubt_guess and number == 0 else 1.0
            trust = np.where(self._gap, doubt * _DOUBT**-self._depth, 1).astype(np.float32)
            patches = Patches(_continue(self.filled), _continue(trust), self.free, self.targets)
            matches = Matches(patches, sources)
            for shift in shifts:
                matches.propose(self.targets + shift)
            for _ in range(searches):
                matches.propagate()
                matches.search(self._rng)
            sources = matches.sources
            copied = self._vote(patches, matches, share=_COPIED if number == passes - 1 else 0.0)
            self.filled = np.where(self._gap[..., None], copied, self.filled)
        return copied, sources

    def _vote(self, patches: Patches, matches: Matches, share: float) -> Floats:
        """Mean of what the patches over each pixel say, and by `share` what the best of them says; elsewhere the picture."""
        votes = _Votes(patches.picture.shape)
        cost, sources, targets = matches.cost, matches.sources, self.targets
        spread = max(float(np.quantile(cost, 0.75)), 1e-6)
        weight = np.exp(-cost / (2 * spread)) * _DOUBT ** -self._depth[tuple(targets.T)] + 1e-12
        for row in range(SIDE):
            for column in range(SIDE):
                colours = patches.picture[sources[:, 0] + row, sources[:, 1] + column]
                price = cost * (1 + _NEAREST * ((row - RADIUS) ** 2 + (column - RADIUS) ** 2))
                votes.add((targets[:, 0] + row, targets[:, 1] + column), colours, weight, price)
        wanted = ndimage.maximum_filter(self._gap, 3)[..., None]
        return np.where(wanted, votes.colours(share), self.filled).astype(np.float32)

    def _any(self, count: int) -> Ints:
        sources = np.argwhere(self.free)
        return sources[self._rng.integers(0, len(sources), count)]


class _Votes:
    """What patches say about the pixels of a picture that is continued by `RADIUS` px on every side."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._total, self._weight = np.zeros(shape), np.zeros(shape[:2])
        self._best, self._price = np.zeros(shape), np.full(shape[:2], np.inf)

    def add(self, places: tuple[Ints, Ints], colours: Floats, weight: Floats, price: Floats) -> None:
        """One vote for each of `places` (n,), none of which is named twice."""
        self._total[places] += colours * weight[:, None]
        self._weight[places] += weight
        better = price < self._price[places]
        chosen = (places[0][better], places[1][better])
        self._price[chosen], self._best[chosen] = price[better], colours[better]

    def colours(self, share: float) -> Floats:
        """(h, w, c) without the continued border."""
        mean = self._total / np.maximum(self._weight, 1e-12)[..., None]
        return (mean * (1 - share) + self._best * share)[RADIUS:-RADIUS, RADIUS:-RADIUS].astype(np.float32)


def _continue(plane: Floats) -> Floats:
    return np.pad(plane, ((RADIUS, RADIUS), (RADIUS, RADIUS), *[(0, 0)] * (plane.ndim - 2)), mode="edge")


def _pyramid(picture: Floats, hole: Mask) -> list[tuple[Floats, Mask]]:
    """Pictures and holes, each half of the one before, until the hole is shallow."""
    levels = [(picture, hole)]
    while min(levels[-1][1].shape) > 2 * _COARSEST and _depth(levels[-1][1]) > _DEEPEST:
        levels.append(_halve(*levels[-1]))
    return levels


def _depth(hole: Mask) -> float:
    return float(np.asarray(ndimage.distance_transform_edt(np.pad(hole, 1))).max())


def _halve(picture: Floats, hole: Mask) -> tuple[Floats, Mask]:
    """The means of what is known of each 2 x 2 pixels; a hole where less than half is known."""
    known = (~hole).astype(np.float32)[..., None]
    weight = _mean_of_four(known)
    return (_mean_of_four(picture * known) / np.maximum(weight, 1e-6)).astype(np.float32), weight[..., 0] < 0.5


def _mean_of_four(plane: Floats) -> Floats:
    height, width = plane.shape[:2]
    even = np.pad(plane, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, -1).mean((1, 3))


def _enlarge(picture: Floats, shape: tuple[int, ...]) -> Floats:
    if picture.shape[:2] == shape:
        return picture
    large = picture.repeat(2, 0).repeat(2, 1)[: shape[0], : shape[1]]
    for axis in (0, 1):
        large = ndimage.uniform_filter1d(large, 3, axis=axis, mode="nearest")
    return np.asarray(large, np.float32)
