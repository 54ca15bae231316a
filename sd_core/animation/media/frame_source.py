"""The frames of an animation's request, opened one at a time and checked; every error names the frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import Camera, FramePasses, frame_paths, read_exr
from sd_core.requests import Animation
from sd_core.values import Array, replace

from ..policy import POLICY

ReadFrame = Callable[[str | Path], FramePasses]
"""Reads an EXR file."""

PASSES = ("depth", "motion", "image", "object_id", "position", "normal", "uv")


@dataclass(frozen=True, slots=True)
class Frames:
    """`count` frames, of which `read` opens one; `estimated`: from a plain video, where reading takes long."""

    count: int
    read: Callable[[int], FramePasses]
    estimated: bool = False

    def open(self, index: int) -> FramePasses:
        """Frame `index`, from 0.

        Raises:
            RequestError: missing, damaged or no frame at all; names it.
        """
        try:
            return self.read(index)
        except RequestError as error:
            raise _frame_error(index, f"{error.field}: {error.message}", error.hint) from error

    def __iter__(self) -> Iterator[FramePasses]:
        return (self.open(index) for index in range(self.count))


def open_frames(request: Animation) -> Frames:
    """The frames that a request names.

    Raises:
        RequestError: no such files, a gap in their numbers, a video that cannot be decoded.
    """
    passes = request.passes
    read = partial(read_exr, names={str(named.kind): named.name for named in request.pass_names})
    if isinstance(passes, tuple):
        return _frames_of_list(passes, read, request.depth_estimator)
    if Path(passes).is_dir():
        raise RequestError(
            "passes", f"{passes} is a folder", hint=f"name the frames in it, as in {Path(passes) / '####.exr'}"
        )
    suffix = Path(passes).suffix.lower()
    if suffix == ".exr":
        paths = _files_of_pattern(passes) if "#" in Path(passes).name else [Path(passes)]
        return Frames(len(paths), lambda index: read(paths[index]))
    return _with_estimated_depth(_open_video(passes, request.depth_estimator))


def size_of_frames(frames: Frames, overscan: int) -> tuple[int, int]:
    """(height, width) of the picture, px: the first frame's without the extra border.

    Raises:
        RequestError: the frame is empty, or its sides are no multiples of 8.
    """
    size = frames.open(0).size
    if size is None:
        raise _frame_error(0, "has no passes", "render the Z and Vector passes")
    height, width = size[0] - 2 * overscan, size[1] - 2 * overscan
    if min(height, width) < 8 or height % 8 or width % 8:
        got = f"{size[1]} x {size[0]} px with an extra border of {overscan} px"
        raise _frame_error(0, f"{got} leaves {width} x {height} px", "render so that multiples of 8 are left")
    return height, width


def crop_passes(passes: FramePasses, margin: int) -> FramePasses:
    """The passes without `margin` px on every side; the camera's centre moves along."""
    if margin == 0:
        return passes
    inner = slice(margin, -margin)
    cropped = {name: array[inner, inner] for name in PASSES if (array := getattr(passes, name)) is not None}
    camera = passes.camera
    if camera is not None:
        intrinsics = np.array(camera.intrinsics)
        intrinsics[:2, 2] -= margin
        camera = Camera(camera.matrix_world, intrinsics)
    return replace(passes, **cropped, camera=camera)


def check_passes(index: int, passes: FramePasses, before: FramePasses | None, size: tuple[int, int]) -> FramePasses:
    """`passes`, once they are sane.

    Args:
        index: of the frame, for the errors.
        before: the frame before it, if there is one.
        size: (height, width) that every frame must have, px.

    Raises:
        RequestError: another size, vectors that are not finite, 8-bit vectors, vectors that are zero though things move.
    """
    if passes.size != size:
        got = "no passes" if passes.size is None else f"{passes.size[1]} x {passes.size[0]} px"
        raise _frame_error(index, f"has {got}, the first one {size[1]} x {size[0]}", "render all frames at one size")
    motion = passes.motion
    if motion is None:
        return passes
    if not np.isfinite(motion).all():
        raise _frame_error(index, "has vectors that are not finite", "render the Vector pass again, as 32-bit EXR")
    if _is_eight_bit(motion):
        raise _frame_error(index, "has vectors of 8 bit", "save the Vector pass as 32-bit EXR: 8 bit cannot hold it")
    if before is not None and not passes.cut and not motion.any() and _has_moved(before, passes):
        hint = "switch motion blur off for the data render: with it Blender writes empty vectors"
        raise _frame_error(index, "has only zero vectors, though the scene moves", hint)
    return passes


def _frames_of_list(passes: Sequence[FramePasses | str], read: ReadFrame, depth_estimator: str | None) -> Frames:
    plain = [item for item in passes if isinstance(item, str) and Path(item).suffix.lower() != ".exr"]
    if len(plain) == len(passes):
        return _with_estimated_depth(_open_pictures(plain, depth_estimator))
    if plain:
        raise RequestError("passes", f"mixes EXR files with {Path(plain[0]).name}", hint="give one kind of file")
    return Frames(len(passes), partial(_listed_frame, passes, read))


def _listed_frame(passes: Sequence[FramePasses | str], read: ReadFrame, index: int) -> FramePasses:
    item = passes[index]
    return item if isinstance(item, FramePasses) else read(item)


def _open_video(path: str, depth_estimator: str | None) -> Sequence[FramePasses]:
    # PyAV and OpenCV come with an extra that only videos need.
    from .video import open_video

    return open_video(path, estimate_depth=_estimator(depth_estimator))


def _open_pictures(paths: Sequence[str], depth_estimator: str | None) -> Sequence[FramePasses]:
    from .video import open_pictures

    return open_pictures(paths, estimate_depth=_estimator(depth_estimator))


def _estimator(checkpoint: str | None) -> Callable[[Array], Array] | None:
    from .monocular_depth import DepthEstimator

    return None if checkpoint is None else DepthEstimator(checkpoint)


def _with_estimated_depth(frames: Sequence[FramePasses]) -> Frames:
    return Frames(len(frames), frames.__getitem__, estimated=True)


def _files_of_pattern(pattern: str) -> list[Path]:
    """The files of a pattern, without a gap in their numbers."""
    paths = frame_paths(pattern)
    before, after = (len(piece) for piece in re.split("#+", Path(pattern).name))
    numbers = [int(path.name[before : len(path.name) - after]) for path in paths]
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if missing:
        named = ", ".join(map(str, missing[:5])) + (" ..." if len(missing) > 5 else "")
        raise RequestError(
            "passes", f"frame {named} of {pattern} is missing", hint="render it, or give the files as a list"
        )
    return paths


def _is_eight_bit(motion: Array) -> bool:
    """Whether every component is one of the 256 shares of 1 that an 8-bit picture can hold."""
    levels = motion * 255
    in_range = bool(motion.any()) and float(motion.min()) >= 0 and float(motion.max()) <= 1
    return in_range and bool((np.abs(levels - np.rint(levels)) < 1e-4).all()) and not bool((motion % 1 == 0).all())


def _has_moved(before: FramePasses, passes: FramePasses) -> bool:
    if before.camera is not None and passes.camera is not None and before.camera != passes.camera:
        return True
    if before.depth is None or passes.depth is None:
        return False
    here, there = passes.depth, before.depth
    with np.errstate(invalid="ignore"):  # the background is infinitely far in both
        same = (here == there) | (np.abs(here - there) <= 1e-3 * np.minimum(here, there))
    return float(1 - same.mean()) > POLICY.moving_share


def _frame_error(index: int, message: str, hint: str) -> RequestError:
    return RequestError("passes", f"frame {index}: {message}", hint=hint)
