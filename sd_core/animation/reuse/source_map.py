"""The birth map: for every pixel the frame in which its surface point was last made, and exactly where in it.

Images are sampled there, once, however many frames have passed: nothing is ever resampled twice, so nothing blurs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from sd_core.values import Array

from ..geometry.frame_geometry import Matches, View, still_beside
from ..geometry.sampling import pixel_grid, spline
from ..policy import POLICY

NEVER = -1
"""Birth of a pixel that has not been made yet."""


@dataclass(frozen=True, slots=True)
class Births:
    """The map.

    frame: (h, w) int32, or NEVER. place: (h, w, 2) float32 px (x, y) in it. firm: (h, w) bool, made in its context.
    beside: (h, w) int64, what it was made beside, as `View.beside` says it. gap: (h, w) uint8 px to that, as `View.gap`.
    """

    frame: Array
    place: Array
    firm: Array
    beside: Array
    gap: Array

    def copied(self) -> Births:
        """One that can be written to."""
        return Births(*(np.copy(getattr(self, field.name)) for field in fields(self)))

    @property
    def made(self) -> Array:
        """(h, w) bool: pixels whose surface was made before."""
        return self.frame != NEVER


def unborn(size: tuple[int, int]) -> Births:
    """A frame of which nothing was made before."""
    no = np.zeros(size, bool)
    place = np.zeros((*size, 2), np.float32)
    return Births(np.full(size, NEVER, np.int32), place, no, no.astype(np.int64), no.astype(np.uint8))


def carried(births: Births, matches: Matches) -> Births:
    """The births of the frame after: each pixel takes that of its point a frame ago.

    Between pixels the place is continued from the nearest one along the map's own slope, never across a border of two
    births.
    """
    rows, columns = matches.rows, matches.columns
    centre = np.stack([columns, rows], axis=-1)
    rest = (matches.places - centre).astype(np.float32)
    slope = slopes(births)[rows, columns]
    place = births.place[rows, columns] + np.einsum("hwij,hwj->hwi", slope, np.clip(rest, -1, 1))
    frame = np.where(matches.seen, births.frame[rows, columns], NEVER)
    firm, beside = births.firm[rows, columns] & matches.seen, births.beside[rows, columns] * matches.seen
    gap = births.gap[rows, columns] * matches.seen
    return Births(frame.astype(np.int32), place.astype(np.float32), firm, beside, gap)


def uncovered(births: Births, view: View) -> Births:
    """`births` without those made beside an outline that has moved away since.

    Latents are coarse: within a few px of something nearer a surface takes its colours, which would stay as a ghost.
    """
    forgotten = births.made & (births.beside != 0) & ~still_beside(view, births.beside)
    return replace(births, frame=np.where(forgotten, np.int32(NEVER), births.frame), firm=births.firm & ~forgotten)


def stained(births: Births, scale: int = 8) -> Array:
    """(h, w) bool: pixels that were made so close to an outline that its colours run into theirs. scale: px to a latent."""
    return births.made & (births.beside != 0) & (births.gap < POLICY.px(POLICY.stain_reach, scale))


def smeared(births: Births, view: View) -> Array:
    """(h, w) bool: stained pixels that would be a ghost of the outline: it has moved away, or may have, as they are loose.

    The latents' reach, after which `uncovered` forgets them, is much larger than what a stain can be seen in.
    """
    away = view.gap > births.gap * np.maximum(magnification(births), 1) + POLICY.px(POLICY.outline_slack, view.scale)
    return stained(births, view.scale) & (away | ~births.firm)


def slopes(births: Births) -> Array:
    """(h, w, 2, 2) float32: change of `place` to the next pixel in x and in y, within one birth; else that of no change."""
    along_x, along_y = _slope(births, 1, (1.0, 0.0)), _slope(births, 0, (0.0, 1.0))
    return np.stack([along_x, along_y], axis=-1)


def magnification(births: Births) -> Array:
    """(h, w) float32: how many times larger than in its birth frame a surface is seen, along one side."""
    slope = slopes(births)
    determinant = slope[..., 0, 0] * slope[..., 1, 1] - slope[..., 0, 1] * slope[..., 1, 0]
    return 1 / np.sqrt(np.maximum(np.abs(determinant), 1e-6))


def born(births: Births, index: int, where: Array, *, firm: Array, beside: Array, gap: Array) -> Births:
    """`births` with the pixels `where` made in frame `index`."""
    here = pixel_grid(*where.shape)
    return Births(
        np.where(where, np.int32(index), births.frame).astype(np.int32),
        np.where(where[..., None], here, births.place),
        np.where(where, firm, births.firm),
        np.where(where, beside, births.beside),
        np.where(where, gap, births.gap),
    )


def gather(births: Births, image: Callable[[int], Array]) -> Array:
    """(h, w, 3) float32: every pixel sampled from its birth frame; 0 where it has none.

    Args:
        births: the map.
        image: gives the (h, w, 3) image of a frame.
    """
    total = np.zeros((*births.frame.shape, 3), np.float32)
    for index in np.unique(births.frame[births.made]):
        where = births.frame == index
        total[where] = spline(image(int(index)), births.place[where])
    return np.clip(total, 0, 1)


def inside_patches(births: Births, reach: int) -> Array:
    """(h, w) bool: firm pixels whose neighbours up to `reach` px away are firm and lie beside them in the same birth."""
    inner = births.firm & births.made
    for axis in (0, 1):
        for shift in (*range(-reach, 0), *range(1, reach + 1)):
            beside = np.roll(births.frame, shift, axis) == births.frame
            beside &= np.roll(births.firm, shift, axis)
            gap = np.linalg.norm(np.roll(births.place, shift, axis) - births.place, axis=-1)
            beside &= gap <= POLICY.tear_limit * abs(shift)
            inner &= beside | _rolled_over(births.frame.shape, shift, axis)
    return inner


def _rolled_over(shape: tuple[int, ...], shift: int, axis: int) -> Array:
    """Pixels whose rolled neighbour lies beyond the border."""
    index = np.arange(shape[axis]) - shift
    outside = (index < 0) | (index >= shape[axis])
    return outside[:, None] if axis == 0 else outside[None, :]


def _slope(births: Births, axis: int, otherwise: tuple[float, float]) -> Array:
    step = np.diff(births.place, axis=axis)
    one = np.diff(births.frame, axis=axis) == 0
    one &= (np.abs(step) < POLICY.neighbour_limit).all(-1)
    empty_step = np.zeros_like(np.take(births.place, [0], axis=axis))
    empty = np.zeros_like(np.take(births.made, [0], axis=axis))
    after, has_after = np.concatenate([step, empty_step], axis), np.concatenate([one, empty], axis)
    before, has_before = np.concatenate([empty_step, step], axis), np.concatenate([empty, one], axis)
    count = has_after.astype(np.float32) + has_before
    mean = (after * has_after[..., None] + before * has_before[..., None]) / np.maximum(count, 1)[..., None]
    return np.where((count > 0)[..., None], mean, np.array(otherwise, np.float32)).astype(np.float32)
