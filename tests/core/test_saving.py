"""Saving: everything that is needed to make it again, whole or not at all."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sd_core import (
    Adjust,
    ImageToImage,
    Inpaint,
    OutputError,
    RequestError,
    Result,
    TextToImage,
    Texture,
    load_request,
    replace,
)
from sd_core.destination import check_destination
from sd_core.files import write_files
from sd_core.values import read_picture, to_pillow

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


def test_inputs_lie_next_to_the_picture_under_their_digests(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("alias", ["itself", "symlink", "hardlink"])
def test_what_a_result_is_made_from_is_never_overwritten(tmp_path: Path, alias: str) -> None:
    source, target = tmp_path / "in.png", tmp_path / ("in.png" if alias == "itself" else "out.png")
    to_pillow(NOISE).save(source)
    {
        "itself": lambda: None,
        "symlink": lambda: target.symlink_to(source),
        "hardlink": lambda: target.hardlink_to(source),
    }[alias]()
    before = source.read_bytes()
    result = Result(images=[NOISE // 2], request=ImageToImage(prompt="a wall", image=str(source), seed=5))
    with pytest.raises(RequestError, match="is what this is made from"):
        result.save(target)
    assert source.read_bytes() == before == target.read_bytes()
    assert not list(tmp_path.glob("*.inputs"))


def test_a_mask_too_is_what_a_result_is_made_from(tmp_path: Path) -> None:
    to_pillow(NOISE).save(tmp_path / "mask.png")
    request = Inpaint(prompt="a wall", image=NOISE // 3, mask=str(tmp_path / "mask.png"), seed=1)
    with pytest.raises(RequestError, match=r"mask\.png is what this is made from"):
        Result(images=[NOISE], request=request).save(tmp_path / "mask.png")


def test_a_texture_in_a_folder_does_not_replace_what_it_is_made_from(tmp_path: Path) -> None:
    (tmp_path / "wall").mkdir()
    source = tmp_path / "wall" / "a_wall_diff_64.png"
    to_pillow(NOISE).save(source)
    request = Texture(prompt="a wall", image=str(source), strength=0.5)
    with pytest.raises(RequestError, match=r"a_wall_diff_64\.png is what this is made from"):
        Result(images=[NOISE // 2], request=request).save(tmp_path / "wall")
    with pytest.raises(RequestError, match=r"a_wall_diff_64\.png is what this is made from"):
        check_destination(request, tmp_path / "wall", overwrite=True)


@pytest.mark.parametrize("name", ["out.png", "out"])
def test_inputs_are_not_written_through_a_link_that_leads_elsewhere(tmp_path: Path, name: str) -> None:
    request = Adjust(image=NOISE) if name == "out.png" else Texture(prompt="a wall", image=NOISE, strength=0.5, seed=1)
    result = Result(images=[NOISE // 2], request=request)
    (tmp_path / "mine").mkdir()
    path, theirs = tmp_path / "mine" / name, tmp_path / "theirs"
    result.save(path)
    (inputs,) = tmp_path.rglob("*.inputs")
    inputs.rename(theirs)
    inputs.symlink_to(theirs, target_is_directory=True)
    (held,) = theirs.iterdir()
    held.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"\.inputs: is a link that leads elsewhere"):
        result.save(path)
    if name == "out.png":
        with pytest.raises(OutputError, match=r"\.inputs: is a link that leads elsewhere"):
            check_destination(request, path, overwrite=True)
    assert held.read_bytes() == b"mine"


def test_a_name_with_a_nul_is_no_path(tmp_path: Path) -> None:
    path = Path(f"{tmp_path}/a\0b.png")
    with pytest.raises(OutputError, match="holds a NUL character"):
        Result(images=[NOISE], request=PLAIN).save(path)
    with pytest.raises(OutputError, match="holds a NUL character"):
        check_destination(PLAIN, path, overwrite=True)


def test_a_result_may_be_saved_again_over_itself_even_where_nothing_was_changed(tmp_path: Path) -> None:
    same = Result(images=[NOISE], request=Adjust(image=NOISE))
    for _ in range(2):
        same.save(tmp_path / "out.png")
    Result(images=[NOISE // 2], request=PLAIN).save(tmp_path / "out.png")


def test_nothing_is_overwritten_where_that_is_not_wanted(tmp_path: Path) -> None:
    result = Result(images=[NOISE], request=MADE_FROM)
    result.save(tmp_path / "wall.png", overwrite=False)
    before = listing(tmp_path)
    assert result.save(tmp_path / "wall.png", overwrite=False), "the very same bytes"
    with pytest.raises(OutputError, match=r"wall\.png: is there already"):
        Result(images=[NOISE // 2], request=MADE_FROM).save(tmp_path / "wall.png", overwrite=False)
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("request_", "name", "there", "message"),
    [
        (PLAIN, "wall.exe", None, "has no suffix of a picture"),
        (PLAIN, "wall", None, "has no suffix of a picture"),
        (PLAIN, "wall.glb", None, "has no suffix of a picture"),
        (PLAIN, "there.png", "there.png/", "is a folder; name a file"),
        (PLAIN, "wall.png", "wall.png", "wall.png is there already; .*--overwrite"),
        (replace(PLAIN, num_images=2), "wall.png", "wall-1.png", "wall-1.png is there already"),
        (MADE_FROM, "wall.png", f"wall.inputs/{next(iter(MADE_FROM.arrays()))}.npy", "npy is there already"),
        (Texture(prompt="a wall"), "wall.png", "wall_normal.png", "wall_normal.png is there already"),
        (Texture(prompt="a wall"), "wall", "wall/a_wall_diff_1k.png", "a_wall_diff_1k.png is there already"),
        (Texture(prompt="a wall"), "wall", "wall", "is a file; name a folder"),
    ],
)
def test_a_place_is_looked_at_before_the_work(
    tmp_path: Path, request_: TextToImage, name: str, there: str | None, message: str
) -> None:
    if there is not None:
        (tmp_path / there).parent.mkdir(exist_ok=True)
        (tmp_path / there).mkdir() if there.endswith("/") else (tmp_path / there).write_bytes(b"mine")
    before = listing(tmp_path)
    with pytest.raises(RequestError, match=message):
        check_destination(request_, tmp_path / name, overwrite=False)
    assert listing(tmp_path) == before
    if "already" in message:
        check_destination(request_, tmp_path / name, overwrite=True)


def test_a_place_without_a_folder_rights_or_room_is_reported_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError, match="create the folder first"):
        check_destination(PLAIN, tmp_path / "nowhere" / "wall.png", overwrite=False)
    tmp_path.chmod(0o755)
    with without_rights(), pytest.raises(OutputError, match="choose a folder that you may write to"):
        check_destination(PLAIN, tmp_path / "wall.png", overwrite=False)
    free = shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(OutputError, match=r"needs about .* MiB, 1 MiB are free"):
        check_destination(PLAIN, tmp_path / "wall.png", overwrite=False)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(RequestError, match="is no plain file"):
        check_destination(PLAIN, tmp_path / "pipe.png", overwrite=True)


def test_the_file_that_a_request_was_read_from_is_never_overwritten(tmp_path: Path) -> None:
    Result(images=[NOISE], request=PLAIN).save(tmp_path / "wall.png")
    with pytest.raises(RequestError, match="is what this is made from"):
        check_destination(PLAIN, tmp_path / "wall.png", overwrite=True, sources=[tmp_path / "wall.png"])
