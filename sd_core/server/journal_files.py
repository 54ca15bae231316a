"""The files of the journal: copies that are kept, what happens to them under a running server, commits that were lost."""

from __future__ import annotations

import os
import shutil
import struct
import threading
import time
import zlib
from pathlib import Path

from ..errors import SDError

_SUFFIXES = ("", "-wal", "-shm")
_MARK = struct.Struct("<QI")


class JournalError(SDError):
    """The journal is damaged, was changed by others, or is of a later version of the program."""


def set_journal_aside(path: Path) -> Path | None:
    """Rename a journal so that a new one can be begun; None where there is none."""
    if not path.exists():
        return None
    kept = _backup_name(path)
    for suffix in _SUFFIXES:
        if (companion := Path(f"{path}{suffix}")).exists():
            companion.rename(f"{kept}{suffix}")
    Path(f"{path}-mark").unlink(missing_ok=True)  # of the commits of the one that went
    return kept


def back_up(path: Path) -> Path:
    """Copy a journal and its write-ahead log as they are."""
    kept = _backup_name(path)
    for suffix in ("", "-wal"):
        if (companion := Path(f"{path}{suffix}")).exists():
            shutil.copy2(companion, f"{kept}{suffix}")
    return kept


def _backup_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03d}")


class FileGuard:
    """Notices that a file which is open was deleted, replaced, or cut short: what is written then is lost, without an error.

    Neither the journal nor its log ever gets shorter by SQLite itself: nothing here vacuums or truncates.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last_status: dict[str, tuple[int, int, int]] = {}
        # Two looks at once could take the size that one has just seen for the older one.
        self._lock = threading.Lock()

    def find_change(self) -> str | None:
        """What has happened since the last look; None where the files are the same.

        Any thread may; it costs some microseconds.
        """
        with self._lock:
            problems = [problem for suffix in ("", "-wal") if (problem := self._change_of(suffix)) is not None]
        return problems[0] if problems else None

    def _change_of(self, suffix: str) -> str | None:
        path = Path(f"{self._path}{suffix}")
        known = self._last_status.get(suffix)
        try:
            status = path.stat()
        except FileNotFoundError:
            return None if known is None else f"{path} was deleted while it was in use"
        device, inode, size = status.st_dev, status.st_ino, status.st_size
        self._last_status[suffix] = (device, inode, size)
        if known is None:
            return None
        if known[:2] != (device, inode):
            return f"{path} was replaced by another file while it was in use"
        return f"{path} was cut short while it was in use" if size < known[2] else None


class CommitMark:
    """The number of the last commit, in a file of its own, so that one that SQLite has lost is noticed.

    A write-ahead log is read up to its first damaged frame; all commits behind are dropped without a word. The mark is not
    flushed to the disk: it outlives a killed process, and after a power cut it may be older than the journal, never newer
    than what was acknowledged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def open(self) -> int:
        """The number that was noted last; 0 where none was."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._handle = os.open(self._path, flags, 0o600)
        raw = os.read(self._handle, _MARK.size)
        if len(raw) < _MARK.size:
            return 0
        number, check = _MARK.unpack(raw)
        return number if check == zlib.crc32(raw[:8]) else 0

    def note(self, number: int) -> None:
        """Write a number down."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, _MARK.pack(number, zlib.crc32(number.to_bytes(8, "little"))))

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
