"""Blobs that rot are noticed, moved aside, and replaced by the right bytes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sd_core.errors import ServerError
from sd_core.server import integrity
from sd_core.server.blobs import BlobStore
from tests.server.test_blobs import KIB, content, digest, filled, opened


def flipped(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[100] ^= 1
    path.write_bytes(raw)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def longer(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"x")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("kept")


DAMAGE = [flipped, emptied, longer, a_folder]


@pytest.fixture(params=DAMAGE)
def rotten(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """A store whose blob 0 is damaged and whose blob 1 is sound."""
    damage: Callable[[Path], None] = request.param
    store = filled(tmp_path, 2, 9 * KIB)
    assert store.intact_path(digest(0)) is not None
    damage(tmp_path / f"{digest(0)}.bin")
    return store


def test_a_damaged_blob_is_an_error_that_names_it_and_then_it_is_missing(rotten: BlobStore) -> None:
    with pytest.raises(ServerError, match=digest(0)) as caught:
        rotten.intact_path(digest(0))
    assert caught.value.status == 410 and "again repairs it" in caught.value.hint
    assert rotten.intact_path(digest(0)) is None and rotten.find(digest(0)) is None
    assert rotten.intact_path(digest(1)) is not None
    assert rotten.total == KIB
    assert len(list((rotten.folder / "damaged").iterdir())) == 1


def test_an_upload_of_the_right_bytes_replaces_a_damaged_blob(rotten: BlobStore) -> None:
    with rotten.receive() as upload:
        upload.write(content(0))
        upload.keep(digest(0))
    path = rotten.intact_path(digest(0))
    assert path is not None and path.read_bytes() == content(0)
    assert len(rotten) == 2 and rotten.total == 2 * KIB


def test_a_result_with_the_right_bytes_replaces_a_damaged_blob(rotten: BlobStore) -> None:
    rotten.put({digest(0): content(0)})
    path = rotten.intact_path(digest(0))
    assert path is not None and path.read_bytes() == content(0)


def test_a_store_opens_over_whatever_lies_there(rotten: BlobStore) -> None:
    again = opened(rotten.folder, 9 * KIB)
    assert again.missing_or_damaged([digest(0), digest(1)]) == [digest(0)]


def test_a_file_that_has_not_changed_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(tmp_path, 1, 9 * KIB)
    reads: list[Path] = []
    original = integrity._digest

    def counted(path: Path) -> str:
        reads.append(path)
        return original(path)

    monkeypatch.setattr(integrity, "_digest", counted)
    for _ in range(5):
        assert store.intact_path(digest(0)) is not None
    assert len(reads) == 1
    monkeypatch.setattr(integrity, "_TRUSTED", 0.0)
    store.intact_path(digest(0))
    assert len(reads) == 2


def test_only_so_many_damaged_files_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "_KEPT", 3)
    for number in range(6):
        path = tmp_path / str(number)
        path.write_text("x")
        integrity.move_aside(path)
    assert sorted(kept.name[0] for kept in (tmp_path / "damaged").iterdir()) == ["3", "4", "5"]


def test_a_process_without_descriptors_takes_no_blob_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path, 9 * KIB)
    (tmp_path / f"{digest(0)}.bin").write_bytes(content(0))
    store.open()

    def exhausted(path: Path) -> str:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(integrity, "_digest", exhausted)
        with pytest.raises(OSError, match="Too many open files"):
            store.intact_path(digest(0))
    assert store.intact_path(digest(0)) is not None
