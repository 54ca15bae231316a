"""What is seen in every pixel of a frame, and where the same was in the frame before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt, maximum_filter

from sd_core.passes import Camera, FramePasses, PositionSpace, motion_offsets, project, unproject
from sd_core.values import Array

from ..policy import POLICY
from .sampling import nearest, pixel_grid

_RANKS = 2**30
"""Distances closer than this count as equal when objects are sorted by depth."""


@dataclass(frozen=True, slots=True)
class FrameGeometry:
    """A frame's geometry.

    passes: as they came.
    position: (h, w, 3) float64 in scene units, rest space if `rests`, else world space; NaN in the background. None: unknown.
    slope: (h, w, 3, 2) change of `position` to the next pixel in x and in y.
    width: (h, w) length of the longer of both, scene units.
    occluder_id: (h, w) int64, the object in front of the pixel whose outline is near it: its id + 1, and 0 where none is. The
        nearest to the camera, of several; 1 for any where objects have no ids.
    occluder_distance: (h, w) uint8 px from that outline, 0 right behind it and where none is near.
    scale: px to a latent.
    """

    passes: FramePasses
    is_rest_space: bool
    position: Array | None
    slope: Array | None
    width: Array | None
    occluder_id: Array
    occluder_distance: Array
    scale: int

    @property
    def reach(self) -> int:
        """px within which the colours of something nearer reach over its outline."""
        return _outline_reach(self.scale)

    @property
    def size(self) -> tuple[int, int]:
        assert self.passes.size is not None, "checked frames have passes"
        return self.passes.size

    @property
    def background(self) -> Array:
        """(h, w) bool: pixels that show nothing."""
        depth = self.passes.depth
        return np.zeros(self.size, bool) if depth is None else ~np.isfinite(depth)

    @property
    def objects(self) -> Array:
        """(h, w) int: 0 and up, one number for each object and one for the background."""
        ids = np.zeros(self.size, np.int64) if self.passes.object_id is None else self.passes.object_id.astype(np.int64)
        ids = np.where(self.background, ids.min() - 1, ids)
        return np.unique(ids, return_inverse=True)[1].reshape(self.size)


@dataclass(frozen=True, slots=True)
class Correspondence:
    """Where each pixel's point was a frame ago.

    places: (h, w, 2) px (x, y). rows, columns: (h, w) the nearest pixel there. visible: (h, w) bool, it shows the same point.
    """

    xy: Array
    rows: Array
    columns: Array
    visible: Array

    @property
    def offsets(self) -> Array:
        """(h, w, 2) px: `places`, relative to each pixel."""
        return self.xy - pixel_grid(*self.visible.shape)


def frame_geometry(passes: FramePasses, scale: int = 8) -> FrameGeometry:
    """The geometry of a frame: from its position pass, else from depth and camera.

    Args:
        passes: of the frame.
        scale: px to a latent; 8 for the autoencoders of Stable Diffusion.
    """
    position, (occluder_id, occluder_distance) = surface_positions(passes), _occluders(passes, _outline_reach(scale))
    rests = passes.position is not None and passes.position_space is PositionSpace.REST
    if position is None:
        return FrameGeometry(passes, rests, None, None, None, occluder_id, occluder_distance, scale)
    slope = np.stack([_slope(position, 1), _slope(position, 0)], axis=-1)
    width = np.sqrt((slope**2).sum(axis=-2)).max(axis=-1)
    usual = float(np.nanmedian(width)) if np.isfinite(width).any() else 1.0
    width = np.where(width < POLICY.edge_width * usual, width, POLICY.edge_width * usual)
    return FrameGeometry(passes, rests, position, slope, width, occluder_id, occluder_distance, scale)


def find_correspondence(here: FrameGeometry, before: FrameGeometry) -> Correspondence:
    """The points of `here` that were visible in `before`, the frame before it.

    A point counts as seen where its way there and back agree (Sundaram et al. 2010, with exact vectors), the object is
    the same, and the surface is, as far as the passes tell.
    """
    offsets = offsets_to(here, before)
    places = pixel_grid(*here.size) + offsets
    rows, columns, inside = nearest(places, before.size)
    seen = inside & (here.background == before.background[rows, columns])
    seen &= _is_same_object(here, before, rows, columns)
    seen &= here.background | (
        _is_consistent(here, before, offsets, rows, columns) & _is_same_position(here, before, rows, columns)
    )
    return Correspondence(places, rows, columns, seen)


def offsets_to(here: FrameGeometry, before: FrameGeometry) -> Array:
    """(h, w, 2) float32 px: where each point was, relative to its pixel; the background turns with the camera.

    Cycles writes no vectors where there is no surface.
    """
    motion = here.passes.motion
    offsets = np.zeros((*here.size, 2), np.float32) if motion is None else motion_offsets(motion)[0]
    cameras = (here.passes.camera, before.passes.camera)
    if cameras[0] is None or cameras[1] is None or not here.background.any():
        return offsets
    turned = _places_at_infinity(here.size, cameras[0], cameras[1]) - pixel_grid(*here.size)
    return np.where(here.background[..., None], turned, offsets).astype(np.float32)


def directions(size: tuple[int, int], camera: Camera) -> Array:
    """(h, w, 3) unit vectors in world space through the pixels."""
    there = unproject(np.ones(size), camera) - camera.matrix_world[:3, 3]
    return there / np.linalg.norm(there, axis=-1, keepdims=True)


def _places_at_infinity(size: tuple[int, int], camera: Camera, before: Camera) -> Array:
    """Places in `before` of points infinitely far away."""
    far = before.matrix_world[:3, 3] + directions(size, camera)
    with np.errstate(divide="ignore", invalid="ignore"):
        places, depth = project(far, before)
    return np.where(depth[..., None] > 0, places - 0.5, -1e6)


def surface_positions(passes: FramePasses) -> Array | None:
    """See `FrameGeometry.position`."""
    if passes.position is not None:
        position = passes.position.astype(np.float64)
    elif passes.depth is not None and passes.camera is not None:
        position = unproject(passes.depth.astype(np.float64), passes.camera)
    else:
        return None
    background = np.zeros(position.shape[:2], bool) if passes.depth is None else ~np.isfinite(passes.depth)
    return np.where(background[..., None], np.nan, position)


def _slope(position: Array, axis: int) -> Array:
    """Change of `position` along an axis: the smaller of the differences to both neighbours, which are seldom both edges."""
    step = np.diff(position, axis=axis)
    edge = np.full_like(np.take(position, [0], axis=axis), np.nan)
    after, before = np.concatenate([step, edge], axis=axis), np.concatenate([edge, step], axis=axis)
    size_after = np.nan_to_num((after**2).sum(-1), nan=np.inf)
    size_before = np.nan_to_num((before**2).sum(-1), nan=np.inf)
    return np.where((size_after <= size_before)[..., None], after, before)


def _is_same_object(here: FrameGeometry, before: FrameGeometry, rows: Array, columns: Array) -> Array:
    ids, earlier = here.passes.object_id, before.passes.object_id
    if ids is None or earlier is None:
        return np.ones(here.size, bool)
    return ids == earlier[rows, columns]


def _is_consistent(here: FrameGeometry, before: FrameGeometry, offsets: Array, rows: Array, columns: Array) -> Array:
    """Whether the vector back equals the vector that led here, to half a pixel and a hundredth of their lengths."""
    if before.passes.motion is None:
        return np.ones(here.size, bool)
    forth = motion_offsets(before.passes.motion)[1][rows, columns]
    gap = np.linalg.norm(offsets + forth, axis=-1)
    lengths = np.linalg.norm(offsets, axis=-1) + np.linalg.norm(forth, axis=-1)
    return gap <= 0.01 * lengths + 0.5


def _is_same_position(here: FrameGeometry, before: FrameGeometry, rows: Array, columns: Array) -> Array:
    """Whether the surface is where it was; in world space that can be asked only of what stands still."""
    if here.position is None or before.position is None or here.width is None or before.width is None:
        return np.ones(here.size, bool)
    if here.is_rest_space != before.is_rest_space:
        return np.ones(here.size, bool)
    gap = np.linalg.norm(here.position - before.position[rows, columns], axis=-1)
    with np.errstate(invalid="ignore"):
        same = gap <= POLICY.match_tolerance * np.maximum(here.width, before.width[rows, columns])
    return same if here.is_rest_space else same | ~is_static(here, before)


def is_static(here: FrameGeometry, before: FrameGeometry) -> Array:
    """(h, w) bool: pixels whose vector is the camera's own movement, to half a pixel; False where no camera is known."""
    camera, motion = before.passes.camera, here.passes.motion
    if here.position is None or camera is None or motion is None:
        return np.zeros(here.size, bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        places, _ = project(here.position, camera)
        gap = np.linalg.norm(places - 0.5 - pixel_grid(*here.size) - motion_offsets(motion)[0], axis=-1)
        return gap < 0.5


def has_same_occluder(geometry: FrameGeometry, objects: Array) -> Array:
    """(h, w) bool: pixels near the outline of the object that `objects` names, as in `FrameGeometry.occluder_id`.

    Another one may have come between since: then it is enough that the object is there.
    """
    ids = geometry.passes.object_id
    still = (objects != 0) & (geometry.occluder_id == objects)
    if ids is None:
        return still
    for named in np.unique(objects[(objects != 0) & ~still]):
        asked = objects == named
        own = ids == named - 1
        near = np.asarray(maximum_filter(own, 2 * geometry.reach + 1), bool)
        still |= asked & np.where(own, geometry.occluder_id != 0, near)
    return still


def _outline_reach(scale: int) -> int:
    return POLICY.whole_px(POLICY.outline_reach, scale)


def _occluders(passes: FramePasses, reach: int) -> tuple[Array, Array]:
    """`FrameGeometry.occluder_id` and `.occluder_distance`: what is nearer, within `reach` px of its outline.

    Nothing if the depth is not known.

    The background lies infinitely far away. An outline is where another object begins, or where depth falls off by more
    than a slope would.
    """
    assert passes.size is not None, "checked frames have passes"
    edge, nothing = np.zeros(passes.size, bool), (np.zeros(passes.size, np.int64), np.zeros(passes.size, np.uint8))
    if passes.depth is None:
        return nothing
    closeness = np.where(np.isfinite(passes.depth), 1 / np.maximum(passes.depth, 1e-9), 0)
    for axis in (0, 1):
        edge |= _behind_edge(closeness, passes.object_id, axis)
    if not edge.any():
        return nothing
    around = binary_dilation(edge, iterations=reach - 1)
    nearest_by = maximum_filter(closeness, 2 * reach + 1)
    around = np.logical_and(around, closeness * POLICY.depth_edge_ratio < nearest_by)
    gap = np.where(around, np.rint(np.asarray(distance_transform_edt(~edge))), 0).astype(np.uint8)
    return np.where(around, _nearest_object(closeness, passes.object_id, reach) + 1, 0), gap


def _nearest_object(closeness: Array, ids: Array | None, reach: int) -> Array:
    """(h, w) int64: the id of what is nearest to the camera within `reach` px; 0 where there are no ids."""
    if ids is None:
        return np.zeros(closeness.shape, np.int64)
    known, places = np.unique(ids, return_inverse=True)
    # the order of distances above, the object below: the largest of both is the nearest object
    ranks = np.rint(closeness / max(float(closeness.max()), 1e-30) * _RANKS).astype(np.int64)
    best = np.asarray(maximum_filter(ranks * len(known) + places.reshape(ids.shape), 2 * reach + 1), np.int64)
    return known[best % len(known)].astype(np.int64)


def _behind_edge(closeness: Array, ids: Array | None, axis: int) -> Array:
    """(h, w) bool: pixels whose neighbour along `axis` belongs to something nearer."""
    behind = np.zeros(closeness.shape, bool)
    near, far = closeness.swapaxes(0, axis), behind.swapaxes(0, axis)
    falls = np.maximum(near[1:], near[:-1]) > POLICY.depth_edge_ratio * np.minimum(near[1:], near[:-1])
    # within one object a steep slope falls as fast, but evenly: 1 / depth is linear over a plane
    bend = np.zeros(near.shape, bool)
    bend[1:-1] = np.abs(near[2:] - 2 * near[1:-1] + near[:-2]) > 0.5 * (POLICY.depth_edge_ratio - 1) * near[1:-1]
    apart = bend[1:] & bend[:-1]
    if ids is not None:
        rows = ids.swapaxes(0, axis)
        apart |= rows[1:] != rows[:-1]
    falls &= apart
    far[1:] |= falls & (near[1:] < near[:-1])
    far[:-1] |= falls & (near[:-1] < near[1:])
    return behind
