"""What somebody else's notes claim, what has changed and what goes meanwhile: nothing is lost, and each is named."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from sd_core.animation.layout import open_folder
from sd_core.animation.media import frame_store as stores
from sd_core.errors import OutputError, RequestError
from sd_core.files import sync_folder
from sd_core.outputs import MANIFEST
from sd_core.outputs.contents import Contents, is_plain
from sd_core.outputs.manifest import Content, Manifest, manifest_bytes
from tests.core.runs import FRAMES, frame, listing, request, run
from tests.core.test_output_folder import as_earlier, frames


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A folder of a run that nothing disturbed."""
    run(tmp_path / "whole")
    return tmp_path / "whole"


def test_a_note_that_somebody_else_wrote_makes_nothing_ours(whole: Path) -> None:
    (whole / MANIFEST).unlink()
    (whole / "animation.gif").write_bytes(b"GIF89a mine;")
    (whole / "state" / "animation.json").write_text('{"asked": "x", "resolved": "y"}')
    before = listing(whole)
    with pytest.raises(RequestError, match="of another request, of an earlier version; move them away"):
        run(whole)
    with pytest.raises(RequestError, match=r"animation\.json belongs to another request"):
        run(whole, resume=True)
    with pytest.raises(OutputError, match="lies where a file is to be written"):
        run(whole, overwrite=True)
    assert listing(whole) == before


def test_of_an_earlier_version_nothing_beyond_the_request_is_taken_over(whole: Path) -> None:
    as_earlier(whole)
    beyond = {"state/after_000009.npz": "state/after_000004.npz", "state/image_000009.npy": "state/image_000004.npy"}
    for name, like in (beyond | {"frames/000009.png": "frames/000004.png"}).items():
        (whole / name).write_bytes((whole / like).read_bytes())
    before = listing(whole)
    assert run(whole, resume=True) == []
    assert run(whole, overwrite=True) == list(range(FRAMES))
    assert all((whole / name).read_bytes() == before[name] for name in (*beyond, "frames/000009.png"))


def with_wrong_digests(folder: Path) -> dict[str, bytes]:
    """A folder of somebody's files that a manifest claims, wrongly; gives what the files hold."""
    names = ("frames/000000.png", "report.json", "animation.mp4", "state/image_000000.npy", "state/after_000123.npz")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(f"my {name}".encode())
    held = Manifest("animation", {}, dict.fromkeys(names, (Content(1, "0" * 64),)))
    (folder / MANIFEST).write_bytes(manifest_bytes(held))
    return {name: f"my {name}".encode() for name in names}


def test_what_a_manifest_claims_wrongly_is_set_aside_and_named(tmp_path: Path) -> None:
    mine = with_wrong_digests(tmp_path)
    warnings: list[str] = []
    assert run(tmp_path, overwrite=True, warnings=warnings) == list(range(FRAMES))
    assert run(tmp_path, resume=True) == []
    for name, held in mine.items():
        stem, suffix = name.rsplit(".", 1)
        assert (tmp_path / f"{stem}.changed.{suffix}").read_bytes() == held
        assert any(warning.startswith(f"{name} has been changed or damaged") for warning in warnings), name


def test_unless_asked_to_overwrite_nothing_of_a_state_is_lost_either(tmp_path: Path) -> None:
    mine = with_wrong_digests(tmp_path)
    for name in [name for name in mine if not name.startswith("state/")]:
        (tmp_path / name).unlink()
    run(tmp_path)
    kept = listing(tmp_path)
    assert kept["state/image_000000.changed.npy"] == mine["state/image_000000.npy"]
    assert kept["state/after_000123.changed.npz"] == mine["state/after_000123.npz"]


def test_a_file_that_has_changed_is_never_written_over(tmp_path: Path) -> None:
    with open_folder(tmp_path) as opened:
        (path,) = opened.write({"animation.mp4": b"made"})
        path.write_bytes(b"mine")
        with pytest.raises(OutputError, match=r"animation\.mp4: has changed since sd_core wrote it"):
            opened.write({"animation.mp4": b"made again"})
        assert opened.remove(["animation.mp4"]) == ["animation.mp4"]
    assert path.read_bytes() == b"mine"


def test_what_is_set_aside_is_no_frame(whole: Path) -> None:
    from sd_core.animation.layout import finished_count
    from sd_core.animation.media.movie import saved_frames

    (whole / "frames" / "000001.png").write_bytes(b"cut")
    run(whole, resume=True)
    assert (whole / "frames" / "000001.changed.png").is_file()
    assert finished_count(whole) == len(saved_frames(whole)) == FRAMES


def test_a_folder_that_cannot_be_one_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="holds a NUL character"):
        run(Path(f"{tmp_path}/a\0b"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".sd_core").symlink_to(tmp_path / "nowhere")
    for folder in (tmp_path / "out", *(place for place in (Path("/proc/self"),) if place.is_dir())):
        with pytest.raises(OutputError, match=r"\.sd_core"):
            run(folder)


@pytest.mark.parametrize("gone", ["frames", "state", ".sd_core"])
def test_a_folder_that_is_removed_while_a_run_is_at_work_is_made_again_or_named(tmp_path: Path, gone: str) -> None:
    store = stores.FrameStore(tmp_path, request(), FRAMES)
    store.begin(request())
    total = frame(store, 0, np.zeros(1))
    shutil.rmtree(tmp_path / gone)
    try:
        with contextlib.suppress(OutputError, RequestError):
            frame(store, 1, total)
    finally:
        store.close()
    run(tmp_path, resume=True)
    assert sorted(frames(tmp_path)) == [f"frames/{index:06d}.png" for index in range(FRAMES)]


def test_a_file_that_goes_while_it_is_looked_at_is_an_error_of_the_output(tmp_path: Path) -> None:
    seen = Contents()
    with pytest.raises(OutputError, match=r"gone\.png: cannot be written"):
        seen.note(tmp_path / "gone.png", Content(1, "0" * 64))
    assert is_plain(tmp_path / "gone.png") is None
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"gone\.png: cannot be written"):
        is_plain(tmp_path / "file" / "gone.png")
    with pytest.raises(OutputError, match="cannot be written"):
        sync_folder(tmp_path / "gone")
