"""Saving: everything that is needed to make it again, whole or not at all."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sd_core import ImageToImage, OutputError, RequestError, Result, TextToImage, Texture, load_request, replace
from sd_core.files import write_files
from sd_core.values import read_picture

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
PLAIN = TextToImage(prompt="a wall", seed=5)
MADE_FROM = ImageToImage(prompt="a wall", image=NOISE, seed=5)


def listing(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def files_of_at_most(count: int) -> Iterator[None]:
    """Writing beyond `count` bytes fails, as on a full disk, and leaves a part."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def without_rights() -> Iterator[None]:
    """Permissions bind everybody but root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_picture_is_saved_as_it_is(tmp_path: Path) -> None:
    assert Result(images=[NOISE], request=PLAIN).save(tmp_path / "wall.png") == [tmp_path / "wall.png"]
    assert np.array_equal(read_picture(tmp_path / "wall.png"), NOISE)
    assert sorted(listing(tmp_path)) == ["wall.png"]


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Result(images=[NOISE], request=PLAIN).save(tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_each_of_several_images_carries_its_own_seed(tmp_path: Path) -> None:
    request = replace(MADE_FROM, num_images=3)
    paths = Result(images=[NOISE, NOISE, NOISE], request=request).save(tmp_path / "wall.png")
    assert [path.name for path in paths[:3]] == ["wall-0.png", "wall-1.png", "wall-2.png"]
    for index, path in enumerate(paths[:3]):
        assert load_request(path) == replace(MADE_FROM, seed=5 + index)


def test_inputs_lie_beside_the_picture_under_their_digests(tmp_path: Path) -> None:
    paths = Result(images=[NOISE], request=MADE_FROM).save(tmp_path / "wall.png")
    digest = next(iter(MADE_FROM.arrays()))
    assert paths == [tmp_path / "wall.png", tmp_path / "wall.inputs" / f"{digest}.npy"]
    assert load_request(tmp_path / "wall.png") == MADE_FROM


def test_a_picture_moved_without_its_inputs_says_what_is_missing(tmp_path: Path) -> None:
    Result(images=[NOISE], request=MADE_FROM).save(tmp_path / "wall.png")
    (tmp_path / "wall.png").rename(tmp_path / "moved.png")
    with pytest.raises(RequestError, match=r"image: .* is missing"):
        load_request(tmp_path / "moved.png")
    assert load_request(tmp_path / "moved.png", MADE_FROM.arrays()) == MADE_FROM


def test_alpha_is_saved_where_it_can_be(tmp_path: Path) -> None:
    clear = np.dstack([NOISE, NOISE[..., 0]])
    result = Result(images=[clear], request=PLAIN)
    result.save(tmp_path / "wall.png")
    assert np.array_equal(read_picture(tmp_path / "wall.png"), clear)
    with pytest.raises(RequestError, match=r"path: JPEG cannot hold the alpha.*\.png or \.webp"):
        result.save(tmp_path / "wall.jpg")
    assert sorted(listing(tmp_path)) == ["wall.png"]


def test_maps_are_saved_and_height_has_sixteen_bits(tmp_path: Path) -> None:
    height = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    request = Texture(prompt="a wall", maps=["base_color", "height", "normal"])
    maps = {"base_color": NOISE / 255, "height": height, "normal": NOISE.astype(np.float32) / 255}
    paths = Result(images=[NOISE], request=request, maps=maps).save(tmp_path / "wall.png")
    assert [path.name for path in paths] == ["wall.png", "wall_height.png", "wall_normal.png"]
    with Image.open(paths[1]) as image:
        assert np.abs(np.asarray(image) / 65535 - height).max() < 1e-5
    assert np.array_equal(read_picture(paths[2]), NOISE)


@pytest.mark.parametrize("request_", [PLAIN, MADE_FROM], ids=["text", "image"])
@pytest.mark.parametrize("before", [False, True], ids=["new", "overwritten"])
def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, request_: TextToImage, before: bool) -> None:
    path = tmp_path / "wall.png"
    if before:
        Result(images=[NOISE // 2], request=request_).save(path)
    held = listing(tmp_path)
    with files_of_at_most(4000), pytest.raises(OutputError) as caught:
        Result(images=[NOISE], request=request_).save(path)
    assert listing(tmp_path) == held
    assert {item.name for item in tmp_path.iterdir()} == {name.split("/")[0] for name in held}
    assert caught.value.path.startswith(str(tmp_path)) and caught.value.hint


def test_one_image_too_large_leaves_none_of_the_others(tmp_path: Path) -> None:
    small = np.zeros((8, 8, 3), np.uint8)
    result = Result(images=[small, small, NOISE], request=replace(PLAIN, num_images=3))
    with files_of_at_most(4000), pytest.raises(OutputError, match=r"wall-2\.png"):
        result.save(tmp_path / "wall.png")
    assert listing(tmp_path) == {}


def test_a_really_full_disk_says_so() -> None:
    with pytest.raises(OSError, match="No space left") as full, Path("/dev/full").open("wb", buffering=0) as device:
        device.write(b"0")
    from sd_core.files import output_error

    assert "free some space" in str(output_error(Path("wall.png"), full.value))


def test_a_read_only_folder_is_an_error_with_a_remedy(tmp_path_factory: pytest.TempPathFactory) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        with without_rights(), pytest.raises(OutputError, match="choose a folder that you may write to") as caught:
            Result(images=[NOISE], request=MADE_FROM).save(folder / "wall.png")
        assert caught.value.path.startswith(name)
        assert list(folder.iterdir()) == []
        folder.chmod(0o755)


def test_a_missing_folder_and_a_folder_in_the_way_are_errors(tmp_path: Path) -> None:
    result = Result(images=[NOISE], request=PLAIN)
    with pytest.raises(OutputError, match="create the folder first"):
        result.save(tmp_path / "nowhere" / "wall.png")
    (tmp_path / "wall.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        result.save(tmp_path / "wall.png")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not a file"):
        result.save(tmp_path / "file" / "wall.png")


@pytest.mark.parametrize("name", ["wall", "wall.exe", "wall.png.bak"])
def test_an_unknown_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match=r"^path: .*use one of \.png"):
        Result(images=[NOISE], request=PLAIN).save(tmp_path / name)
    assert listing(tmp_path) == {}


def test_an_interrupted_source_of_files_leaves_nothing(tmp_path: Path) -> None:
    def files() -> Iterator[tuple[Path, bytes]]:
        yield tmp_path / "a", b"1"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_files(files())
    assert listing(tmp_path) == {}


def test_the_first_image_is_a_pillow_image() -> None:
    assert np.array_equal(np.asarray(Result(images=[NOISE], request=PLAIN).image), NOISE)
