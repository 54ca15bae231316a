"""The identity of files: the same while nobody touches them, another after any change, however well it is hidden."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sd_core.models.identity import identity

Change = Callable[[Path], None]


def written(path: Path) -> None:
    path.write_bytes(b"other")


def moved_over(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(b"other")
    new.replace(path)


def touched(path: Path) -> None:
    os.utime(path)


def with_times_set_back(change: Change) -> Change:
    def changed(path: Path) -> None:
        before = path.stat()
        change(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return changed


CHANGES = {
    "written": written,
    "written, times set back": with_times_set_back(written),
    "moved over": moved_over,
    "moved over, times set back": with_times_set_back(moved_over),
    "longer": lambda path: path.write_bytes(b"a longer one"),
    "gone": Path.unlink,
    "touched": touched,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model" / "unet").mkdir(parents=True)
    (tmp_path / "model" / "unet" / "weights").write_bytes(b"first")
    return tmp_path / "model"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_file_just_after_its_identity_was_taken_shows(folder: Path, change: Change) -> None:
    path = folder / "unet" / "weights"
    before_file, before_folder = identity([path]), identity([folder])
    change(path)
    assert identity([path]) != before_file
    assert identity([folder]) != before_folder


def test_an_unchanged_file_keeps_its_identity(folder: Path) -> None:
    before = identity([folder])
    assert before and identity([folder]) == before


def test_a_new_file_in_a_folder_changes_it(folder: Path) -> None:
    before = identity([folder])
    (folder / "vocabulary.json").write_text("[]")
    assert identity([folder]) != before


def test_a_link_has_the_identity_of_the_file_that_it_leads_to(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder / "unet" / "weights")
    before = identity([link])
    written(folder / "unet" / "weights")
    assert identity([link]) != before


def test_what_is_not_there_has_none(tmp_path: Path) -> None:
    assert identity([tmp_path / "nowhere"]) == ()


def test_only_files_that_were_changed_just_now_are_waited_for(folder: Path) -> None:
    identity([folder])
    begin = time.perf_counter()
    for _ in range(100):
        identity([folder])
    # a hundred waits would take five seconds
    assert time.perf_counter() - begin < 2
