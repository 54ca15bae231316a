"""Measures of the animation benchmark: warp error along true surfaces, sharpness, seams, drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from animation_scenes import Rendered

from sd_core.passes import FramePasses, motion_offsets
from sd_core.values import Array

REACH = 1.5
"""Rest positions further apart than this many pixel footprints are different surface points."""

Frames = Mapping[int, Array]
"""(h, w, 3) uint8 by frame number."""


@dataclass(slots=True)
class Truth:
    """What the renderer knows of a shot, within the picture; passes are kept, since every lag needs them again."""

    rendered: Rendered
    kept: dict[int, FramePasses] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.rendered.count

    def passes(self, index: int) -> FramePasses:
        if index not in self.kept:
            self.kept[index] = self.rendered.cropped(index)
        return self.kept[index]

    def surface(self, index: int) -> Array:
        """(h, w) bool: not background."""
        return np.isfinite(held(self.passes(index).depth))

    def trace(self, index: int, lag: int) -> tuple[Array, Array]:
        """Where the surface points of a frame were `lag` frames ago.

        True vectors are composed frame by frame. A point counts while it stays in the picture and in sight: at every
        step the object there is the same, and its rest position is that of the point.

        Returns:
            (h, w, 2) float32 px (x, y), and (h, w) bool.
        """
        here = self.passes(index)
        rows, columns = np.indices(held(here.depth).shape, np.float32)
        at, valid = np.stack([columns, rows], -1), self.surface(index)
        for step in range(index, index - lag, -1):
            now, before = self.passes(step), self.passes(step - 1)
            offset = cv2.remap(motion_offsets(held(now.motion))[0], at[..., 0], at[..., 1], cv2.INTER_LINEAR)
            at = at + offset
            valid = valid & (not now.cut) & same_point(here, before, at)
        return at, valid


def held(array: Array | None) -> Array:
    assert array is not None, "the scenes are rendered with every pass"
    return np.asarray(array)


def same_point(here: FramePasses, there: FramePasses, at: Array) -> Array:
    """(h, w) bool: at the places `at` of one frame lie the surface points of the pixels of another."""
    height, width = at.shape[:2]
    inside = (at >= 0).all(-1) & (at[..., 0] <= width - 1) & (at[..., 1] <= height - 1)
    ids = cv2.remap(held(there.object_id).astype(np.float32), at[..., 0], at[..., 1], cv2.INTER_NEAREST)
    rest = cv2.remap(held(there.position), at[..., 0], at[..., 1], cv2.INTER_LINEAR)
    footprint = held(here.depth) / (here.camera.intrinsics[0, 0] if here.camera else 1)
    near = np.linalg.norm(rest - held(here.position), axis=-1) <= REACH * footprint
    return inside & (ids == held(here.object_id)) & near


def warp_error(truth: Truth, frames: Frames, lag: int) -> float:
    """Mean squared difference, RGB in [0, 1], along true surfaces over `lag` frames, over the frames that are there.

    Where anything moves only what has moved counts: the rest of a frame is steady by itself if its noise is.
    """
    errors = []
    for index in frames:
        if index - lag not in frames:
            continue
        at, valid = truth.trace(index, lag)
        valid &= moved(at, valid)
        if valid.mean() < 0.01:
            continue
        was = cv2.remap(unit(frames[index - lag]), at[..., 0], at[..., 1], cv2.INTER_CUBIC)
        errors.append(float(((unit(frames[index]) - was)[valid] ** 2).mean()))
    return float(np.mean(errors)) if errors else float("nan")


def moved(at: Array, valid: Array) -> Array:
    """(h, w) bool: points that are half a pixel or more from where they were; all of them where hardly any is."""
    rows, columns = np.indices(valid.shape, np.float32)
    away = np.linalg.norm(at - np.stack([columns, rows], -1), axis=-1) >= 0.5
    return away if (away & valid).mean() >= 0.01 else np.ones_like(valid)


def psnr(one: Array, other: Array, where: Array | None = None) -> float:
    """dB."""
    squares = (unit(one) - unit(other)) ** 2
    return float(-10 * np.log10(max((squares if where is None else squares[where]).mean(), 1e-10)))


def sharpness(picture: Array, where: Array) -> float:
    """Mean square of the Laplacian of the luma over `where`."""
    if where.sum() < 16:
        return float("nan")
    return float((cv2.Laplacian(grey(picture), cv2.CV_32F, ksize=1)[where] ** 2).mean())


def newly_seen(truth: Truth, index: int, within: int = 8) -> Array:
    """(h, w) bool: surface that was not in sight `within` frames ago, without specks."""
    _, valid = truth.trace(index, min(within, index))
    new = truth.surface(index) & ~valid
    return cv2.morphologyEx(new.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)


def seam(picture: Array, new: Array, passes: FramePasses) -> float:
    """Steps of the luma across the border of what is new, over those inside, on one smooth surface; nan without a border.

    What lies within 2 px of an object's outline does not count: new surface often ends there, and the step is the outline's.
    """
    luma, ids, depth = grey(picture), held(passes.object_id), held(passes.depth)
    whole = ids.astype(np.float32)
    inner = cv2.dilate(whole, np.ones((5, 5))) == cv2.erode(whole, np.ones((5, 5)))
    across, inside = [], []
    for axis in (0, 1):
        one, other = (slice(None),) * axis + (slice(1, None),), (slice(None),) * axis + (slice(None, -1),)
        with np.errstate(divide="ignore", invalid="ignore"):  # the sky is infinitely far
            smooth = (ids[one] == ids[other]) & (np.abs(np.log(depth[one] / depth[other])) < 0.05)
        smooth &= inner[one] & inner[other]
        steps = np.abs(luma[one] - luma[other])
        across.append(steps[smooth & (new[one] != new[other])])
        inside.append(steps[smooth & (new[one] == new[other])])
    border, rest = np.concatenate(across), np.concatenate(inside)
    return float(border.mean() / rest.mean()) if len(border) >= 16 and rest.mean() > 0 else float("nan")


def colour_drift(truth: Truth, frames: Frames, first: int, last: int) -> float:
    """CIE76 difference of the mean colours of what is in sight from frame `first` to frame `last`, at least that of CIEDE2000."""
    at, valid = truth.trace(last, last - first)
    if valid.sum() < 64:
        return float("nan")
    was = cv2.remap(unit(frames[first]), at[..., 0], at[..., 1], cv2.INTER_LINEAR)
    return float(np.linalg.norm(lab(unit(frames[last]))[valid].mean(0) - lab(was)[valid].mean(0)))


def progress_between(picture: Array, start: Array, goal: Array) -> float:
    """How far the mean colour has gone from that of `start` (0) to that of `goal` (1), in Lab; nan where both look alike."""
    means = [lab(unit(held_picture)).mean((0, 1)) for held_picture in (picture, start, goal)]
    way = means[2] - means[1]
    return float((means[0] - means[1]) @ way / (way @ way)) if np.linalg.norm(way) > 5 else float("nan")


def mean_of(values: Sequence[float]) -> float:
    """The mean without nan; nan where nothing is left."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def unit(picture: Array) -> Array:
    return picture[..., :3].astype(np.float32) / 255 if picture.dtype == np.uint8 else picture[..., :3]


def grey(picture: Array) -> Array:
    return cv2.cvtColor(unit(picture), cv2.COLOR_RGB2GRAY)


def lab(picture: Array) -> Array:
    return cv2.cvtColor(np.clip(picture, 0, 1), cv2.COLOR_RGB2Lab)
