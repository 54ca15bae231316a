"""Plain videos and numbered pictures become passes."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from sd_core.animation.media.movie import write_mp4
from sd_core.animation.media.picture_sequence import PictureFiles, frame_rate
from sd_core.animation.media.video import open_pictures, open_video
from sd_core.errors import RequestError
from sd_core.passes import motion_offsets
from sd_core.values import Array
from tests.animation.clips import SPEED, moving, write_pictures, write_video

INNER = (slice(16, -16), slice(16, -16))


def held(array: Array | None) -> Array:
    assert array is not None
    return np.asarray(array)


def test_a_video_gives_its_own_pixels(tmp_path: Path) -> None:
    frames = moving(6)
    opened = open_video(write_video(tmp_path / "clip.mkv", frames))
    assert len(opened) == 6 and opened.fps == 12 and frame_rate(tmp_path / "clip.mkv") == 12
    assert all(np.array_equal(held(opened[index].image), frame) for index, frame in enumerate(frames))


def test_any_order_gives_the_frames_that_reading_on_gives(tmp_path: Path) -> None:
    opened = open_video(write_video(tmp_path / "clip.mkv", moving(6)))
    forwards = [opened[index] for index in range(6)]
    assert [opened[index] for index in (5, 0, 3, 3, -6, 2)] == [forwards[index] for index in (5, 0, 3, 3, 0, 2)]
    assert opened[1:3] == forwards[1:3]
    with pytest.raises(IndexError):
        opened[6]


def test_estimated_motion_is_where_the_pattern_was_and_will_be(tmp_path: Path) -> None:
    passes = open_video(write_pictures(tmp_path, moving(5)))[2]
    before, after = motion_offsets(held(passes.motion))
    assert np.abs(np.median(before[INNER], (0, 1)) + SPEED).max() < 0.1
    assert np.abs(np.median(after[INNER], (0, 1)) - SPEED).max() < 0.1
    assert np.quantile(np.abs(before[INNER] + np.array(SPEED)), 0.95) < 0.25


def test_a_still_picture_has_no_motion(tmp_path: Path) -> None:
    passes = open_video(write_pictures(tmp_path, moving(1) * 3))[1]
    assert np.abs(held(passes.motion)).max() < 0.02


def test_nothing_lies_before_the_first_frame_and_after_the_last(tmp_path: Path) -> None:
    opened = open_video(write_pictures(tmp_path, moving(3)))
    assert not held(opened[0].motion)[..., :2].any() and held(opened[0].motion)[..., 2:].any()
    assert not held(opened[2].motion)[..., 2:].any() and held(opened[2].motion)[..., :2].any()


def test_motion_does_not_depend_on_the_kind_of_file(tmp_path: Path) -> None:
    frames = moving(4)
    video, pictures = open_video(write_video(tmp_path / "a.mkv", frames)), open_video(write_pictures(tmp_path, frames))
    listed = open_pictures(sorted(tmp_path.glob("*.png")))
    assert list(video) == list(pictures) == list(listed)


def test_depth_is_there_only_where_somebody_estimates_it(tmp_path: Path) -> None:
    pattern = write_pictures(tmp_path, moving(2))
    opened = open_video(pattern, estimate_depth=lambda picture: 1 + picture[..., 0].astype(np.float32))
    assert np.array_equal(held(opened[1].depth), 1 + held(opened[1].image)[..., 0].astype(np.float32))
    assert open_video(pattern)[1].depth is None


def test_a_long_video_is_opened_without_being_held(tmp_path: Path) -> None:
    opened = open_video(write_pictures(tmp_path, moving(12, 32, 32)))
    for index in range(12):
        assert opened[index].size == (32, 32)
    assert opened._picture.cache_info().currsize <= 4


def damaged(tmp_path: Path, kind: str) -> Path:
    whole = write_mp4(moving(24), tmp_path / "clip.mp4").read_bytes()
    broken = {
        "text": b"no video at all",
        "empty": b"",
        "header": whole[:400],
        "cut": whole[: len(whole) * 2 // 3],
    }[kind]
    path = tmp_path / f"{kind}.mp4"
    path.write_bytes(broken)
    return path


@pytest.mark.parametrize("kind", ["text", "empty", "header", "cut"])
def test_a_video_that_cannot_be_decoded_names_file_and_frame(tmp_path: Path, kind: str) -> None:
    path = damaged(tmp_path, kind)
    with pytest.raises(RequestError) as caught:
        open_video(path)
    assert str(path) in str(caught.value)
    assert "at frame" in str(caught.value)


def test_a_file_of_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    with pytest.raises(RequestError, match="holds no video"):
        open_video(path)


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile {}\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\n{}\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><BaseURL>{}</BaseURL></MPD>',
    ],
    ids=["concat", "hls", "dash"],
)
@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".mpd", ".ffconcat"])
def test_a_list_of_other_videos_opens_none_of_them(tmp_path: Path, text: str, suffix: str) -> None:
    other = write_video(tmp_path / "other.mp4", moving(2))
    listing = tmp_path / f"listing{suffix}"
    listing.write_text(text.format(other.name))
    with pytest.raises(RequestError) as caught:
        open_video(listing)
    assert str(listing) in str(caught.value) and frame_rate(listing) is None


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no such file"):
        open_video(tmp_path / "nothing.mp4")
    with pytest.raises(RequestError, match="no file is named like"):
        open_video(tmp_path / "####.png")


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, [*moving(2), *moving(1, 64, 64)])
    opened = open_video(tmp_path / "####.png")
    assert opened[0].size == (96, 128)
    with pytest.raises(RequestError, match=r"0002.png: is 64 x 64 px, those before 128 x 96"):
        opened[1]


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, moving(2))
    (tmp_path / "0001.png").write_bytes((tmp_path / "0001.png").read_bytes()[:300])
    with pytest.raises(RequestError, match=r"0001\.png"):
        PictureFiles(sorted(tmp_path.glob("*.png")))[1]


def test_frames_too_small_for_motion_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="too small"):
        open_video(write_pictures(tmp_path, moving(2, 8, 40)))[0]
