"""A plain video, or numbered pictures, as `FramePasses`: motion is estimated, and depth where a checkpoint is named."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import overload

import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import FramePasses, frame_paths, motion_from_offsets
from sd_core.values import Array
from sd_core.values.luminance import luma

from .picture_sequence import PictureFiles, Pictures, VideoFile

SMALLEST = 16
"""px of the shorter side below which motion cannot be estimated."""

EstimateDepth = Callable[[Array], Array]
"""(h, w, 3|4) picture to (h, w) float32 planar depth."""


class EstimatedPasses(Sequence[FramePasses]):
    """`FramePasses` of pictures: the image, its motion by optical flow, and its depth if there is an estimator.

    The flow is OpenCV's DIS (Kroeger et al. 2016, arXiv:1603.03590), from every frame to the one before and to the one
    after. There is none before the first and after the last frame: zero.
    """

    def __init__(self, pictures: Pictures, estimate_depth: EstimateDepth | None = None) -> None:
        self.fps = pictures.fps
        self._count = len(pictures)
        self._estimate_depth = estimate_depth
        self._picture = lru_cache(4)(pictures.__getitem__)
        self._grey = lru_cache(4)(lambda index: _grey(self._picture(index)))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> FramePasses: ...
    @overload
    def __getitem__(self, index: slice) -> list[FramePasses]: ...
    def __getitem__(self, index: int | slice) -> FramePasses | list[FramePasses]:
        if isinstance(index, slice):
            return [self._passes(number) for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        return self._passes(number)

    def _passes(self, index: int) -> FramePasses:
        before, after = self._offsets(index, index - 1), self._offsets(index, index + 1)
        picture = self._picture(index)
        depth = None if self._estimate_depth is None else self._estimate_depth(picture)
        return FramePasses(image=picture, motion=motion_from_offsets(before, after), depth=depth)

    def _offsets(self, index: int, other: int) -> Array:
        """(h, w, 2) px, y down: where each point of frame `index` lies in frame `other`, relative to its pixel."""
        here = self._grey(index)
        if not 0 <= other < self._count:
            return np.zeros((*here.shape, 2), np.float32)
        return optical_flow(here, self._grey(other))


def open_video(path: str | os.PathLike[str], *, estimate_depth: EstimateDepth | None = None) -> EstimatedPasses:
    """The frames of a video file, or of a "####" pattern of pictures, opened one at a time.

    Raises:
        RequestError: nothing there, a video that cannot be decoded, frames too small; names the file and the frame. For
            picture files some of it only when the frame is read.
    """
    name = os.fspath(path)
    if "#" in Path(name).name and not Path(name).is_file():
        return EstimatedPasses(PictureFiles(frame_paths(name)), estimate_depth)
    return EstimatedPasses(VideoFile(Path(name)), estimate_depth)


def open_pictures(
    paths: Sequence[str | os.PathLike[str]], *, estimate_depth: EstimateDepth | None = None
) -> EstimatedPasses:
    """Picture files in the order given; raises as `open_video`."""
    return EstimatedPasses(PictureFiles([Path(path) for path in paths]), estimate_depth)


def optical_flow(here: Array, there: Array) -> Array:
    """(h, w, 2) float32 px, y down: the point at `p` of one grey uint8 picture is at `p + flow` in the other."""
    import cv2

    dense = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return dense.calc(here, there, np.zeros((*here.shape, 2), np.float32))


def _grey(picture: Array) -> Array:
    """(h, w) uint8, Rec. 601 luma."""
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST:
        raise RequestError(
            "passes", f"frames are {width} x {height} px, too small to estimate motion", hint="give larger ones"
        )
    full = picture[..., :3].astype(np.float32) * (1 if picture.dtype == np.uint8 else 255)
    return np.rint(luma(full)).astype(np.uint8)
