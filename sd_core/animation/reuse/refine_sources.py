"""Surfaces by their positions: where in an earlier frame a point lies, exactly, however many frames have passed since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from sd_core.values import Array

from ..geometry.frame_geometry import FrameGeometry
from ..geometry.surface_search import follow_surface, nearest_pixel
from ..policy import POLICY
from .source_map import NEVER, SourceMap

_AROUND = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""Rows and columns from a pixel to its neighbours, the nearest first."""


class SourceRefiner:
    """Corrects the places of source maps; `place` opens the positions (h, w, 3) of a frame, see `FrameGeometry.position`."""

    def __init__(self, position_of: Callable[[int], Array | None]) -> None:
        self._place = lru_cache(POLICY.refine_cache)(lambda index: _single(position_of(index)))

    def refine(self, sources: SourceMap, here: FrameGeometry, still: Array) -> SourceMap:
        """`sources` with every place where the surface point was in its source frame, by position.

        Vectors lead there only frame by frame, and on a curved surface their errors grow with every frame. What is found
        to show another surface is forgotten, where positions can tell.

        Args:
            sources: of the frame `here`, reprojected.
            here: its geometry.
            still: (h, w) bool, pixels whose position is the surface's own: in rest space, or of what stands still.
        """
        if here.position is None or here.width is None:
            return sources
        xy, lost = sources.xy.copy(), np.zeros(here.size, bool)
        asked = sources.has_source & still & np.isfinite(here.position).all(-1)
        for index in self._with_positions(sources.frame[asked]):
            rows, columns = np.nonzero(asked & (sources.frame == index))
            before = sources.xy[rows, columns]
            found, shown = self._find_in_frame(index, here, (rows, columns), before)
            good = shown & (np.abs(found - before) <= POLICY.refine_limit).all(-1)
            xy[rows[good], columns[good]] = found[good]
            lost[rows[~good], columns[~good]] = here.is_rest_space
        forgotten = np.where(lost, np.int32(NEVER), sources.frame)
        return replace(sources, frame=forgotten, xy=xy, confirmed=sources.confirmed & ~lost)

    def join_neighbours(self, sources: SourceMap, here: FrameGeometry, still: Array) -> SourceMap:
        """`sources` in which pixels without a source take that of a neighbour, whose source frame shows their surface too.

        At edges and folds vectors lead astray, if only by a pixel: what was made is not lost by that.

        Args:
            sources: of the frame `here`, reprojected.
            here: its geometry.
            still: see `refine`.
        """
        if here.position is None or here.width is None:
            return sources
        joined = sources.copy()
        for step in _AROUND:
            rows, columns = np.nonzero((joined.frame == NEVER) & still & np.isfinite(here.position).all(-1))
            row, column, known = _neighbours(sources, here, rows, columns, step)
            for index in self._with_positions(sources.frame[row, column][known]):
                chosen = known & (sources.frame[row, column] == index)
                own, its = (rows[chosen], columns[chosen]), (row[chosen], column[chosen])
                found, shown = self._find_in_frame(index, here, own, sources.xy[its] - step[::-1])
                at, its = (own[0][shown], own[1][shown]), (its[0][shown], its[1][shown])
                joined.frame[at], joined.xy[at], joined.confirmed[at] = index, found[shown], sources.confirmed[its]
                joined.occluder_id[at], joined.occluder_distance[at] = (
                    sources.occluder_id[its],
                    sources.occluder_distance[its],
                )
        return joined

    def _with_positions(self, frames: Array) -> list[int]:
        """Those of the source frames whose positions are known."""
        return [int(index) for index in np.unique(frames) if self._place(int(index)) is not None]

    def _find_in_frame(
        self, index: int, here: FrameGeometry, pixels: tuple[Array, Array], guess: Array
    ) -> tuple[Array, Array]:
        """Where a frame has the surface points of `pixels` (rows, columns) of `here`: (n, 2) px; (n,) whether it shows them."""
        there = self._place(index)
        assert there is not None and here.position is not None and here.width is not None, "both frames have places"
        found, missed = follow_surface(there, here.position[pixels], nearest_pixel(guess, here.size), times=2)
        return found, missed <= POLICY.search_tolerance * here.width[pixels]


def _neighbours(
    sources: SourceMap, here: FrameGeometry, rows: Array, columns: Array, step: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """Rows and columns of the neighbours at `step` (rows, columns), clipped; and which have a source, on the same object."""
    row = np.clip(rows + step[0], 0, here.size[0] - 1)
    column = np.clip(columns + step[1], 0, here.size[1] - 1)
    known, ids = sources.has_source[row, column], here.passes.object_id
    return row, column, known if ids is None else known & (ids[row, column] == ids[rows, columns])


def _single(position: Array | None) -> Array | None:
    """In single precision: many frames are kept."""
    return None if position is None else position.astype(np.float32)
