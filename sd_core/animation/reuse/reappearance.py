"""Surfaces that come back into view: found again, by their position, in frames that were kept for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial import KDTree

from sd_core.values import Array

from ..geometry.frame_geometry import FrameGeometry, has_same_occluder
from ..geometry.surface_search import follow_surface, nearest_pixel
from ..policy import POLICY
from .source_map import NEVER, SourceMap

_AS_COARSE, _AS_FINE = 1.1, 1.5
"""The same for a surface that was made since: only as good as it was does it come back."""


@dataclass(frozen=True, slots=True)
class _FrameIndex:
    """What is looked up in one frame: its positions, as in `FrameGeometry`, their tree, and the pixels of the tree's points."""

    position: Array
    width: Array
    occluder_id: Array
    occluder_distance: Array
    object_id: Array | None
    tree: KDTree
    rows: Array
    columns: Array


class KeptFrames:
    """Looks up surfaces in kept frames; `geometry` opens the geometry of one."""

    def __init__(self, geometry: Callable[[int], FrameGeometry]) -> None:
        self._index = lru_cache(POLICY.kept_frames)(lambda frame: _index_of(geometry(frame)))

    def find_reappeared(self, sources: SourceMap, here: FrameGeometry, kept: Sequence[int], still: Array) -> SourceMap:
        """`sources` in which pixels without a source take it from the newest of the `kept` frames that shows their surface.

        Args:
            sources: of the frame `here`, reprojected.
            here: its geometry.
            kept: frames.
            still: (h, w) bool, pixels whose place is the surface's own: in rest space, or of what stands still.
        """
        asked = ~sources.has_source & has_searchable_position(here, still)
        return self._look_up(
            sources, here, sorted(kept, reverse=True), asked, (POLICY.reappear_coarser, POLICY.reappear_finer)
        )

    def restore_oldest(self, sources: SourceMap, here: FrameGeometry, kept: Sequence[int], still: Array) -> SourceMap:
        """`sources` with surfaces that were made since taken from `kept` frames again, the oldest first.

        A surface is made again and again while it turns away, grows or shrinks. Seen as it was once, it gets back what it
        was: a loop ends in what it began with.

        Args:
            sources: of the frame `here`; those without context stay.
            here: its geometry.
            kept: frames.
            still: see `find_reappeared`.
        """
        asked = sources.has_source & sources.confirmed & has_searchable_position(here, still)
        return self._look_up(sources, here, sorted(kept), asked, (_AS_COARSE, _AS_FINE))

    def _look_up(
        self,
        sources: SourceMap,
        here: FrameGeometry,
        kept_frames: Sequence[int],
        asked: Array,
        limits: tuple[float, float],
    ) -> SourceMap:
        """`sources` in which the `asked` pixels (h, w) take the first of the `kept_frames` frames that shows them.

        limits: times by which they may have been smaller and larger there.
        """
        left = asked.copy()
        found = sources.copy()
        for index in kept_frames:
            rows, columns = np.nonzero(left & ((found.frame == NEVER) | (found.frame > index)))
            if len(rows) == 0:
                continue
            kept_frame = self._index(index)
            shown, places, there = _find_in_frame(kept_frame, here, rows, columns, limits)
            at, there = (rows[shown], columns[shown]), (there[0][shown], there[1][shown])
            found.frame[at], found.xy[at], found.confirmed[at] = index, places[shown], True
            found.occluder_id[at], found.occluder_distance[at] = (
                kept_frame.occluder_id[there],
                kept_frame.occluder_distance[there],
            )
            left[at] = False
        return found


def has_searchable_position(here: FrameGeometry, still: Array) -> Array:
    """(h, w) bool: pixels that can be looked up."""
    return np.zeros(here.size, bool) if here.position is None else still & np.isfinite(here.position).all(-1)


def thin_frames(kept_frames: Sequence[int]) -> tuple[int, ...]:
    """At most `POLICY.kept_frames` frames, with the first and the last."""
    left = sorted(kept_frames)
    while len(left) > POLICY.kept_frames:
        gaps = [left[i + 1] - left[i - 1] for i in range(1, len(left) - 1)]
        del left[1 + int(np.argmin(gaps))]
    return tuple(left)


def _index_of(geometry: FrameGeometry) -> _FrameIndex:
    assert geometry.position is not None and geometry.width is not None, "only frames with places are kept"
    rows, columns = np.nonzero(np.isfinite(geometry.position).all(-1))
    chosen = (rows % POLICY.search_stride == 0) & (columns % POLICY.search_stride == 0)
    rows, columns = rows[chosen], columns[chosen]
    # many frames are kept: single precision, and nothing else of the geometry
    position, width = geometry.position.astype(np.float32), geometry.width.astype(np.float32)
    tree = KDTree(position[rows, columns].reshape(-1, 3))
    return _FrameIndex(
        position,
        width,
        geometry.occluder_id,
        geometry.occluder_distance,
        geometry.passes.object_id,
        tree,
        rows,
        columns,
    )


def _find_in_frame(
    index: _FrameIndex, here: FrameGeometry, rows: Array, columns: Array, limits: tuple[float, float]
) -> tuple[Array, Array, tuple[Array, Array]]:
    """Which of the pixels are seen in the frame, their places there, (n, 2) px (x, y), and the rows and columns nearest.

    What has a nearer object next to it there must have it here as well. `limits`: times by which they may have been
    smaller and larger there.
    """
    assert here.position is not None and here.width is not None, "the frame has places"
    if len(index.rows) == 0:
        nothing = np.zeros(len(rows), bool)
        return nothing, np.zeros((len(rows), 2), np.float32), (nothing.astype(np.intp), nothing.astype(np.intp))
    point = here.position[rows, columns]
    _, nearest = index.tree.query(point)
    start = np.stack([index.columns[nearest], index.rows[nearest]], axis=-1)
    places, missed = follow_surface(index.position, point, start, times=2)
    height, width = index.width.shape
    with np.errstate(invalid="ignore"):
        found = (places >= 0).all(-1) & (places[:, 0] <= width - 1) & (places[:, 1] <= height - 1)
    at = nearest_pixel(np.where(found[:, None], places, start), (height, width))
    there = at[:, 1], at[:, 0]
    with np.errstate(invalid="ignore"):
        found &= missed <= POLICY.search_tolerance * index.width[there]
        found &= index.width[there] <= limits[0] * here.width[rows, columns]
        found &= here.width[rows, columns] <= limits[1] * index.width[there]
    objects = np.zeros(here.size, np.int64)
    objects[rows, columns] = index.occluder_id[there]
    found &= ((objects == 0) | has_same_occluder(here, objects))[rows, columns]
    if here.passes.object_id is not None and index.object_id is not None:
        found &= here.passes.object_id[rows, columns] == index.object_id[there]
    return found, places, there
