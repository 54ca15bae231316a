"""Frames become movies, and a movie gives the frames back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sd_core.animation.media.movie import saved_frames, write_exr_frames, write_gif, write_mp4
from sd_core.animation.media.picture_sequence import VideoFile
from sd_core.encoding import encode_png
from sd_core.errors import OutputError, RequestError
from sd_core.passes import read_exr
from sd_core.values import Array
from sd_core.values.srgb import decode_srgb
from tests.animation.clips import moving


def colours(height: int = 64, width: int = 96) -> Array:
    """Large areas of saturated colours: a wrong matrix or range shows."""
    tiles = np.random.default_rng(1).integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    return tiles.repeat(16, 0).repeat(16, 1)


def test_an_mp4_keeps_count_rate_and_colours(tmp_path: Path) -> None:
    picture = colours()
    path = write_mp4(iter([picture] * 10), tmp_path / "a.mp4", fps=23.976)
    video = VideoFile(path)
    assert len(video) == 10 and video.fps == pytest.approx(23.976, abs=0.001)
    middles = (slice(8, None, 16), slice(8, None, 16))
    assert np.abs(video[5][middles].astype(int) - picture[middles]).max() <= 6


def test_an_mp4_begins_with_its_index_so_that_browsers_play_it_at_once(tmp_path: Path) -> None:
    raw = write_mp4(moving(3), tmp_path / "a.mp4").read_bytes()
    assert raw.index(b"moov") < raw.index(b"mdat")


def test_transparent_frames_are_shown_on_black(tmp_path: Path) -> None:
    clear = np.full((32, 32, 4), 200, np.uint8)
    clear[:, :16, 3], clear[:, 16:, 3] = 0, 255
    shown = VideoFile(write_mp4([clear] * 3, tmp_path / "a.mp4"))[1]
    assert shown[:, :12].max() < 12 and abs(int(shown[16, 24, 0]) - 200) < 6


def test_a_gif_of_a_still_picture_does_not_flicker(tmp_path: Path) -> None:
    path = write_gif([colours(), *moving(1, 64, 96), colours()], tmp_path / "a.gif", fps=10)
    with Image.open(path) as gif:
        shown = [np.asarray((gif.seek(index), gif.convert("RGB"))[1]) for index in (0, 2)]
        assert gif.n_frames == 3 and gif.info["loop"] == 0
    assert np.array_equal(*shown)


def test_the_frames_of_a_gif_last_as_long_together_as_they_should(tmp_path: Path) -> None:
    path, lasted = write_gif(moving(24, 32, 32), tmp_path / "a.gif", fps=24), 0
    with Image.open(path) as gif:
        for index in range(gif.n_frames):
            gif.seek(index)
            lasted += gif.info["duration"]
    assert lasted == 1000


def test_exr_frames_are_linear_and_premultiplied(tmp_path: Path) -> None:
    picture = np.dstack([colours(), np.full((64, 96), 128, np.uint8)])
    written = write_exr_frames([picture, picture[..., :3]], tmp_path / "exr")
    assert [path.name for path in written] == ["000000.exr", "000001.exr"]
    opaque = read_exr(written[1]).image
    assert opaque is not None and np.abs(opaque * 255 - picture[..., :3]).max() < 0.5
    import OpenEXR

    pixels = OpenEXR.File(str(written[0])).channels()["RGBA"].pixels.astype(np.float32)
    assert np.abs(pixels[..., :3] - decode_srgb(picture[..., :3] / np.float32(255)) * 128 / 255).max() < 2e-3


@pytest.mark.parametrize("write", [write_mp4, write_gif])
def test_without_frames_nothing_is_written(tmp_path: Path, write: object) -> None:
    assert callable(write)
    with pytest.raises(RequestError, match="frames"):
        write([], tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_movie_that_breaks_off_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"the one before")

    def breaking() -> Iterator[Array]:
        yield from moving(3)
        raise RequestError("frames", "the disk is gone")

    with pytest.raises(RequestError, match="the disk is gone"):
        write_mp4(breaking(), path)
    assert path.read_bytes() == b"the one before" and list(tmp_path.iterdir()) == [path]


def test_frames_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"frame 2 has another size"):
        write_mp4([*moving(2), *moving(1, 64, 64)], tmp_path / "a.mp4")
    with pytest.raises(RequestError, match="even sides"):
        write_mp4(moving(1, 33, 32), tmp_path / "a.mp4")
    with pytest.raises(RequestError, match="fps"):
        write_gif(moving(2), tmp_path / "a.gif", fps=60)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        write_mp4(moving(2), tmp_path / "nowhere" / "a.mp4")


def test_finished_frames_are_found_in_order(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for index in (2, 0, 1):
        (tmp_path / "frames" / f"{index:06d}.png").write_bytes(encode_png(np.full((8, 8, 3), index, np.uint8)))
    assert [int(frame[0, 0, 0]) for frame in saved_frames(tmp_path)] == [0, 1, 2]
    with pytest.raises(RequestError, match="no finished frames"):
        saved_frames(tmp_path / "frames")
