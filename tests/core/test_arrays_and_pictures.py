"""Reading what users hold: every kind of picture file arrives right, every damaged one is refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sd_core import DepthToImage, ImageToImage, Inpaint, RequestError
from sd_core.values import array_digest, freeze, load_array, npy_bytes, read_picture, to_pillow
from sd_core.values.srgb import decode_srgb, encode_srgb
from tests.core import strategies

RGB = np.random.default_rng(0).integers(0, 256, (8, 16, 3), np.uint8)
ALPHA = np.random.default_rng(1).integers(0, 256, (8, 16, 1), np.uint8)
RGBA = np.concatenate([RGB, ALPHA], axis=2)


@given(strategies.pictures())
def test_freezing_twice_changes_nothing(picture: np.ndarray) -> None:
    frozen = freeze(picture)
    assert freeze(frozen) is frozen
    assert (frozen == picture).all() and frozen.dtype == picture.dtype
    assert array_digest(frozen) == array_digest(np.asfortranarray(picture))


def test_dtype_and_shape_are_part_of_the_identity() -> None:
    zeros = [np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), np.zeros((2, 3), np.int8)]
    assert len({array_digest(array) for array in zeros}) == 3


def test_byte_order_is_no_part_of_it() -> None:
    assert array_digest(np.arange(9, dtype=">f4")) == array_digest(np.arange(9, dtype="<f4"))


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp", "bmp"])
def test_lossless_files_give_back_their_pixels(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}", lossless=True)
    assert (read_picture(tmp_path / f"a.{suffix}") == RGB).all()


def test_alpha_is_kept(tmp_path: Path) -> None:
    Image.fromarray(RGBA).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png") == RGBA).all()


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(RGB[..., 0]).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png") == RGB[..., :1]).all()


def test_sixteen_bits_are_not_lost(tmp_path: Path) -> None:
    deep = np.arange(128, dtype=np.uint16).reshape(8, 16) * 511
    Image.fromarray(deep).save(tmp_path / "a.png")
    assert np.abs(read_picture(tmp_path / "a.png") - (deep / 65535)[..., None]).max() < 1e-7


def test_a_palette_becomes_colours_and_its_transparency_alpha(tmp_path: Path) -> None:
    palette = Image.fromarray(RGB[..., 0] // 64).convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    palette.save(tmp_path / "opaque.png")
    palette.save(tmp_path / "clear.png", transparency=1)
    expected = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], np.uint8)[RGB[..., 0] // 64]
    assert (read_picture(tmp_path / "opaque.png") == expected).all()
    clear = read_picture(tmp_path / "clear.png")
    assert (clear[..., :3] == expected).all()
    assert ((clear[..., 3] == 0) == (RGB[..., 0] // 64 == 1)).all()


def test_the_camera_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees to see it upright
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    assert (read_picture(tmp_path / "a.png") == np.rot90(RGB, -1)).all()


def test_pillow_images_arrays_and_paths_make_the_same_request(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", RGB)
    kinds = [RGB, Image.fromarray(RGB), tmp_path / "a.png", str(tmp_path / "a.png"), tmp_path / "a.npy"]
    assert len({ImageToImage(prompt="", image=kind) for kind in kinds}) == 1


def test_a_mask_picture_is_its_brightness(tmp_path: Path) -> None:
    Image.fromarray(ALPHA[..., 0]).save(tmp_path / "mask.png")
    for mask in (ALPHA[..., 0], tmp_path / "mask.png", Image.fromarray(ALPHA[..., 0])):
        assert np.array_equal(Inpaint(prompt="", image=RGB, mask=mask).mask, ALPHA[..., 0].astype(np.float32) / 255)


def test_a_depth_picture_stays_eight_bit_and_a_coloured_one_is_refused(tmp_path: Path) -> None:
    Image.fromarray(RGB[..., 0]).save(tmp_path / "depth.png")
    assert np.array_equal(DepthToImage(prompt="", depth=tmp_path / "depth.png").depth, RGB[..., 0])
    Image.fromarray(RGB).save(tmp_path / "colour.png")
    with pytest.raises(RequestError, match=r"depth: .*coloured"):
        DepthToImage(prompt="", depth=tmp_path / "colour.png")


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff", "gif", "bmp"])
def test_a_truncated_file_is_refused_with_field_and_path(tmp_path: Path, kind: str) -> None:
    whole = tmp_path / f"whole.{kind}"
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (64, 64, 3), np.uint8)).save(whole)
    raw, broken = whole.read_bytes(), tmp_path / f"broken.{kind}"
    for share in (0.0, 0.01, 0.1, 0.5, 0.9):
        broken.write_bytes(raw[: int(len(raw) * share)])
        with pytest.raises(RequestError, match=r"^image: .*broken") as caught:
            ImageToImage(prompt="", image=broken)
        assert caught.value.hint


@given(st.binary(max_size=300))
def test_bytes_that_are_no_picture_are_refused(raw: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.png")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + raw)
        with pytest.raises(RequestError):
            read_picture(path)


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, side: int) -> None:
    Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 200_000
    with pytest.raises(RequestError, match=r"^image: .*bomb\.png is too large"):
        ImageToImage(prompt="", image=tmp_path / "bomb.png")


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.png", tmp_path / "nothing.npy"):
        with pytest.raises(RequestError, match=r"^image: "):
            ImageToImage(prompt="", image=path)


def test_pillow_and_back_gives_the_same_bytes() -> None:
    for picture in (RGB, RGBA, RGB[..., 0]):
        assert np.array_equal(np.asarray(to_pillow(picture)), picture)
        assert np.array_equal(np.asarray(to_pillow(picture.astype(np.float32) / 255)), picture)


@given(strategies.masks)
def test_linear_light_and_back_is_the_same(encoded: np.ndarray) -> None:
    assert np.abs(encode_srgb(decode_srgb(encoded)) - encoded).max() < 1e-6


@pytest.mark.parametrize("suffix", ["png", "eps", "jpg"])
def test_a_picture_that_is_a_program_is_not_run(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostScript, which Pillow would hand to Ghostscript, by whatever suffix it comes."""
    marker, tools = tmp_path / "ran", tmp_path / "bin"
    tools.mkdir()
    for name in ("gs", "gswin64c"):
        (tools / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(RGB).save(path, "EPS")
    with pytest.raises(RequestError, match="no picture that can be read"):
        ImageToImage(prompt="", image=path)
    assert not marker.exists()


def test_the_size_of_an_array_file_is_compared_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.npy"
    path.write_bytes(npy_bytes(np.zeros((4, 4), np.float32)))
    os.truncate(path, 200 * 1024**3)
    with pytest.raises(RequestError, match="truncated or damaged"):
        load_array(path)


@pytest.mark.skipif(sys.platform != "linux", reason="others do not bound the memory of a program")
def test_an_array_larger_than_the_memory_is_a_bad_request(tmp_path: Path) -> None:
    path = tmp_path / "sparse.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": (2**16, 2**16)})
        stream.truncate(stream.tell() + 4 * 2**32)
    script = (
        "import resource, sys; from sd_core.values import load_array;"
        "resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30)); load_array(sys.argv[1])"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert "RequestError" in done.stderr and "larger than the free memory" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither")
def test_arrays_are_read_from_regular_files_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "endless.npy").symlink_to("/dev/zero")
    for name in ("pipe.npy", "endless.npy"):
        with pytest.raises(RequestError, match="no regular file"):
            load_array(tmp_path / name)
