"""Bad input is refused before anything is painted, by the name of the frame; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sd_core.animation.media.frame_source import check_passes, open_frames, size_of_frames
from sd_core.errors import RequestError
from sd_core.passes import FramePasses
from sd_core.requests import Animation, replace
from sd_core.values import Array
from tests.animation import worlds


def opened(passes: Any) -> None:
    """Everything that happens to frames before the first is painted."""
    frames = open_frames(Animation(prompt="brick", passes=passes))
    size, before = size_of_frames(frames, 0), None
    for index in range(frames.count):
        before = check_passes(index, frames.open(index), before, size)


def with_motion(change: Callable[[Array], Array]) -> tuple[FramePasses, ...]:
    frames = list(worlds.pan(4))
    frames[2] = replace(frames[2], motion=change(np.array(frames[2].motion)).astype(np.float32))
    return tuple(frames)


def eight_bit(motion: Array) -> Array:
    return np.rint(np.clip(np.abs(motion) / 4 + np.random.default_rng(0).random(motion.shape) / 4, 0, 1) * 255) / 255


def not_finite(motion: Array) -> Array:
    motion[3, 5, 0] = np.nan
    return motion


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (np.zeros_like, "frame 2: has only zero vectors, though the scene moves; switch motion blur off"),
        (eight_bit, "frame 2: has vectors of 8 bit"),
        (not_finite, "frame 2: has vectors that are not finite"),
    ],
)
def test_wrong_vectors_are_named(change: Callable[[Array], Array], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        opened(with_motion(change))


def test_zero_vectors_are_right_where_nothing_moves() -> None:
    opened(worlds.still(3))


def test_a_frame_of_another_size_is_named() -> None:
    with pytest.raises(RequestError, match=r"frame 1: has 72 x 72 px, the first one 64 x 64"):
        check_passes(1, worlds.pan(2, 72)[1], worlds.pan(2)[0], (64, 64))


def test_a_missing_frame_is_named(tmp_path: Path) -> None:
    for number in (1, 2, 4):
        (tmp_path / f"{number:04d}.exr").touch()
    with pytest.raises(RequestError, match=r"frame 3 of .*####\.exr is missing"):
        opened(str(tmp_path / "####.exr"))


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number:04d}.exr").write_bytes(b"no EXR")
    with pytest.raises(RequestError, match=r"frame 0: .*0001\.exr"):
        opened(str(tmp_path / "####.exr"))


def test_depth_that_is_not_a_number_is_refused() -> None:
    depth = np.ones((64, 64), np.float32)
    depth[1, 1] = np.nan
    with pytest.raises(RequestError, match="greater than 0 everywhere"):
        FramePasses(depth=depth)


def test_kinds_of_file_are_not_mixed() -> None:
    with pytest.raises(RequestError, match=r"mixes EXR files with b\.png"):
        opened(("a.exr", "b.png"))


def test_an_overscan_that_leaves_no_multiple_of_eight_is_named() -> None:
    frames = open_frames(Animation(prompt="brick", passes=worlds.pan(1)))
    with pytest.raises(RequestError, match="frame 0: 64 x 64 px with an extra border of 3 px leaves 58 x 58 px"):
        size_of_frames(frames, 3)
