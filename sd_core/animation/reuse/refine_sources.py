"""Surfaces by their positions: where in an earlier frame a point lies, exactly, however many frames have passed since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from sd_core.values import Array

from ..geometry.frame_geometry import View
from ..geometry.surface_search import followed, nearest_pixel
from ..policy import POLICY
from .source_map import NEVER, Births

_AROUND = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""Rows and columns from a pixel to its neighbours, the nearest first."""


class Settler:
    """Corrects the places of birth maps; `place` opens the positions (h, w, 3) of a frame, see `View.place`."""

    def __init__(self, place: Callable[[int], Array | None]) -> None:
        self._place = lru_cache(POLICY.refine_cache)(lambda index: _single(place(index)))

    def settled(self, births: Births, here: View, still: Array) -> Births:
        """`births` with every place where the surface point was in its birth frame, by position.

        Vectors lead there only frame by frame, and on a curved surface their errors grow with every frame. What is found
        to show another surface is forgotten, where positions can tell.

        Args:
            births: of the frame `here`, as carried.
            here: its geometry.
            still: (h, w) bool, pixels whose position is the surface's own: in rest space, or of what stands still.
        """
        if here.place is None or here.width is None:
            return births
        place, lost = births.place.copy(), np.zeros(here.size, bool)
        asked = births.made & still & np.isfinite(here.place).all(-1)
        for index in self._with_places(births.frame[asked]):
            rows, columns = np.nonzero(asked & (births.frame == index))
            before = births.place[rows, columns]
            found, shown = self._found(index, here, (rows, columns), before)
            good = shown & (np.abs(found - before) <= POLICY.refine_limit).all(-1)
            place[rows[good], columns[good]] = found[good]
            lost[rows[~good], columns[~good]] = here.rests
        forgotten = np.where(lost, np.int32(NEVER), births.frame)
        return replace(births, frame=forgotten, place=place, firm=births.firm & ~lost)

    def joined(self, births: Births, here: View, still: Array) -> Births:
        """`births` with pixels that have none born with a neighbour, where its birth frame shows their surface point.

        At edges and folds vectors lead astray, if only by a pixel: what was made is not lost by that.

        Args:
            births: of the frame `here`, as carried.
            here: its geometry.
            still: see `settled`.
        """
        if here.place is None or here.width is None:
            return births
        joined = births.copied()
        for step in _AROUND:
            rows, columns = np.nonzero((joined.frame == NEVER) & still & np.isfinite(here.place).all(-1))
            row, column, known = _neighbours(births, here, rows, columns, step)
            for index in self._with_places(births.frame[row, column][known]):
                chosen = known & (births.frame[row, column] == index)
                own, its = (rows[chosen], columns[chosen]), (row[chosen], column[chosen])
                found, shown = self._found(index, here, own, births.place[its] - step[::-1])
                at, its = (own[0][shown], own[1][shown]), (its[0][shown], its[1][shown])
                joined.frame[at], joined.place[at], joined.firm[at] = index, found[shown], births.firm[its]
                joined.beside[at], joined.gap[at] = births.beside[its], births.gap[its]
        return joined

    def _with_places(self, frames: Array) -> list[int]:
        """Those of the birth frames whose positions are known."""
        return [int(index) for index in np.unique(frames) if self._place(int(index)) is not None]

    def _found(self, index: int, here: View, pixels: tuple[Array, Array], guess: Array) -> tuple[Array, Array]:
        """Where a frame has the surface points of `pixels` (rows, columns) of `here`: (n, 2) px; (n,) whether it shows them."""
        there = self._place(index)
        assert there is not None and here.place is not None and here.width is not None, "both frames have places"
        found, missed = followed(there, here.place[pixels], nearest_pixel(guess, here.size), times=2)
        return found, missed <= POLICY.search_tolerance * here.width[pixels]


def _neighbours(
    births: Births, here: View, rows: Array, columns: Array, step: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """Rows and columns of the neighbours at `step` (rows, columns), clipped; and which have a birth, on the same object."""
    row = np.clip(rows + step[0], 0, here.size[0] - 1)
    column = np.clip(columns + step[1], 0, here.size[1] - 1)
    known, ids = births.made[row, column], here.passes.object_id
    return row, column, known if ids is None else known & (ids[row, column] == ids[rows, columns])


def _single(place: Array | None) -> Array | None:
    """In single precision: many frames are held."""
    return None if place is None else place.astype(np.float32)
