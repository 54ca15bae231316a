"""The source map: for every pixel the frame in which its surface point was last made, and exactly where in it.

Images are sampled there, once, however many frames have passed: nothing is ever resampled twice, so nothing blurs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from sd_core.values import Array

from ..geometry.frame_geometry import Correspondence, FrameGeometry, has_same_occluder
from ..geometry.sampling import pixel_grid, spline
from ..policy import POLICY

NEVER = -1
"""Source of a pixel that has not been made yet."""


@dataclass(frozen=True, slots=True)
class SourceMap:
    """For each pixel, where its surface was generated.

    frame: (h, w) int32, or NEVER.
    xy: (h, w, 2) float32 px (x, y) in that frame.
    confirmed: (h, w) bool, generated together with what lies around it, so that later frames may use it.
    occluder_id: (h, w) int64, the occluder that it was generated next to, see `FrameGeometry.occluder_id`.
    occluder_distance: (h, w) uint8 px to that occluder then, see `FrameGeometry.occluder_distance`.
    """

    frame: Array
    xy: Array
    confirmed: Array
    occluder_id: Array
    occluder_distance: Array

    def copy(self) -> SourceMap:
        """One that can be written to."""
        return SourceMap(*(np.copy(getattr(self, field.name)) for field in fields(self)))

    @property
    def has_source(self) -> Array:
        """(h, w) bool: pixels whose surface was made before."""
        return self.frame != NEVER


def empty_sources(size: tuple[int, int]) -> SourceMap:
    """The source map of a frame of which nothing was generated before."""
    no = np.zeros(size, bool)
    xy = np.zeros((*size, 2), np.float32)
    return SourceMap(np.full(size, NEVER, np.int32), xy, no, no.astype(np.int64), no.astype(np.uint8))


def reproject_sources(sources: SourceMap, correspondence: Correspondence) -> SourceMap:
    """The source map of the next frame: each pixel takes the source of its surface point one frame ago.

    Between pixels the coordinates are extrapolated from the nearest one along the map's own slope, never across a border of
    two source frames.
    """
    rows, columns, seen = correspondence.rows, correspondence.columns, correspondence.visible
    centre = np.stack([columns, rows], axis=-1)
    rest = (correspondence.xy - centre).astype(np.float32)
    slope = slopes(sources)[rows, columns]
    xy = sources.xy[rows, columns] + np.einsum("hwij,hwj->hwi", slope, np.clip(rest, -1, 1))
    return SourceMap(
        frame=np.where(seen, sources.frame[rows, columns], NEVER).astype(np.int32),
        xy=xy.astype(np.float32),
        confirmed=sources.confirmed[rows, columns] & seen,
        occluder_id=sources.occluder_id[rows, columns] * seen,
        occluder_distance=sources.occluder_distance[rows, columns] * seen,
    )


def without_moved_occluders(sources: SourceMap, geometry: FrameGeometry) -> SourceMap:
    """`sources` without those generated next to an outline that has moved away since.

    Latents are coarse: within a few px of something nearer a surface takes its colours, which would stay as a ghost.
    """
    forgotten = sources.has_source & (sources.occluder_id != 0) & ~has_same_occluder(geometry, sources.occluder_id)
    return replace(
        sources, frame=np.where(forgotten, np.int32(NEVER), sources.frame), confirmed=sources.confirmed & ~forgotten
    )


def halo_mask(sources: SourceMap, scale: int = 8) -> Array:
    """(h, w) bool: pixels generated so close to an occluder that its colours run into theirs. scale: px to a latent."""
    return (
        sources.has_source
        & (sources.occluder_id != 0)
        & (sources.occluder_distance < POLICY.px(POLICY.stain_reach, scale))
    )


def ghost_mask(sources: SourceMap, geometry: FrameGeometry) -> Array:
    """(h, w) bool: pixels of a halo that would be a ghost: their occluder has moved away, or they are provisional.

    `without_moved_occluders` forgets them later, since the reach of the latents is larger than what can be seen of a halo.
    """
    slack = POLICY.px(POLICY.outline_slack, geometry.scale)
    away = geometry.occluder_distance > sources.occluder_distance * np.maximum(magnification(sources), 1) + slack
    return halo_mask(sources, geometry.scale) & (away | ~sources.confirmed)


def slopes(sources: SourceMap) -> Array:
    """(h, w, 2, 2) float32: change of `place` to the next pixel in x and in y, within one source; else that of no change."""
    along_x, along_y = _slope(sources, 1, (1.0, 0.0)), _slope(sources, 0, (0.0, 1.0))
    return np.stack([along_x, along_y], axis=-1)


def magnification(sources: SourceMap) -> Array:
    """(h, w) float32: how many times larger than in its source frame a surface is seen, along one side."""
    slope = slopes(sources)
    determinant = slope[..., 0, 0] * slope[..., 1, 1] - slope[..., 0, 1] * slope[..., 1, 0]
    return 1 / np.sqrt(np.maximum(np.abs(determinant), 1e-6))


def add_sources(
    sources: SourceMap, index: int, where: Array, *, confirmed: Array, occluder_id: Array, occluder_distance: Array
) -> SourceMap:
    """`sources` with the pixels `where` made in frame `index`."""
    here = pixel_grid(*where.shape)
    return SourceMap(
        np.where(where, np.int32(index), sources.frame).astype(np.int32),
        np.where(where[..., None], here, sources.xy),
        np.where(where, confirmed, sources.confirmed),
        np.where(where, occluder_id, sources.occluder_id),
        np.where(where, occluder_distance, sources.occluder_distance),
    )


def sample_sources(sources: SourceMap, image: Callable[[int], Array]) -> Array:
    """(h, w, 3) float32: every pixel sampled from its source frame; 0 where it has none.

    Args:
        sources: the map.
        image: gives the (h, w, 3) image of a frame.
    """
    total = np.zeros((*sources.frame.shape, 3), np.float32)
    for index in np.unique(sources.frame[sources.has_source]):
        where = sources.frame == index
        total[where] = spline(image(int(index)), sources.xy[where])
    return np.clip(total, 0, 1)


def inside_patches(sources: SourceMap, reach: int) -> Array:
    """(h, w) bool: confirmed pixels whose neighbours up to `reach` px away are confirmed and adjacent in the same source frame."""
    inner = sources.confirmed & sources.has_source
    for axis in (0, 1):
        for shift in (*range(-reach, 0), *range(1, reach + 1)):
            same_frame = np.roll(sources.frame, shift, axis) == sources.frame
            same_frame &= np.roll(sources.confirmed, shift, axis)
            gap = np.linalg.norm(np.roll(sources.xy, shift, axis) - sources.xy, axis=-1)
            same_frame &= gap <= POLICY.tear_limit * abs(shift)
            inner &= same_frame | _rolled_over(sources.frame.shape, shift, axis)
    return inner


def _rolled_over(shape: tuple[int, ...], shift: int, axis: int) -> Array:
    """Pixels whose rolled neighbour lies beyond the border."""
    index = np.arange(shape[axis]) - shift
    outside = (index < 0) | (index >= shape[axis])
    return outside[:, None] if axis == 0 else outside[None, :]


def _slope(sources: SourceMap, axis: int, otherwise: tuple[float, float]) -> Array:
    step = np.diff(sources.xy, axis=axis)
    same_frame = np.diff(sources.frame, axis=axis) == 0
    same_frame &= (np.abs(step) < POLICY.neighbour_limit).all(-1)
    empty_step = np.zeros_like(np.take(sources.xy, [0], axis=axis))
    empty = np.zeros_like(np.take(sources.has_source, [0], axis=axis))
    after, has_after = np.concatenate([step, empty_step], axis), np.concatenate([same_frame, empty], axis)
    before, has_before = np.concatenate([empty_step, step], axis), np.concatenate([empty, same_frame], axis)
    count = has_after.astype(np.float32) + has_before
    mean = (after * has_after[..., None] + before * has_before[..., None]) / np.maximum(count, 1)[..., None]
    return np.where((count > 0)[..., None], mean, np.array(otherwise, np.float32)).astype(np.float32)
