"""Whether files still have the bytes that they are named after, without reading a large one for every small question."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import stat
import threading
import time
from pathlib import Path

_log = logging.getLogger(__name__)

_TRUSTED = 600.0
"""Seconds for which a file that looks unchanged is not read again: long enough for a download in ranges."""

PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
"""What ails the whole process for a while, and says nothing of a file or a job."""

_KEPT = 32
"""Damaged files that are kept for whoever wants to look at them."""

_Look = tuple[int, int, int, int]


class IntegrityChecks:
    """Reads a file once for each (inode, size, time of change), and again after ten minutes. Safe to use from any thread."""

    def __init__(self) -> None:
        self._verified_files: dict[str, tuple[_Look, float]] = {}
        self._lock = threading.Lock()

    def problem(self, digest: str, path: Path) -> str | None:
        """Why the file is not what its digest says; None where it is.

        Raises:
            OSError: it cannot be decided now, as the process lacks descriptors or memory.
        """
        try:
            look = _look(path)
            with self._lock:
                known = self._verified_files.get(digest)
            if known is not None and known[0] == look and time.monotonic() - known[1] < _TRUSTED:
                return None
            if not stat.S_ISREG(path.stat().st_mode):
                return "it is no file"
            found = _digest(path)
        except OSError as error:
            if error.errno in PASSING:
                raise
            return f"it cannot be read: {error.strerror or error}"
        if found != digest:
            return f"its bytes have the digest {found[:12]}"
        with self._lock:
            self._verified_files[digest] = (look, time.monotonic())
        return None

    def trust(self, digest: str, path: Path) -> None:
        """The bytes have just been compared with the digest, on their way to the file."""
        look = _look(path)
        with self._lock:
            self._verified_files[digest] = (look, time.monotonic())

    def touch(self, digest: str, path: Path) -> None:
        """Mark a file as just used, which changes nothing of what is known of it; raises `FileNotFoundError`."""
        before = _look(path)
        os.utime(path)
        with self._lock:
            known = self._verified_files.get(digest)
            if known is not None and known[0] == before:
                self._verified_files[digest] = (_look(path), known[1])

    def forget(self, digest: str) -> None:
        """The file has gone."""
        with self._lock:
            self._verified_files.pop(digest, None)


def move_aside(path: Path) -> Path:
    """Move what is at the place of a blob to the folder "damaged" next to it, whatever it is; older ones make room."""
    folder = path.parent / "damaged"
    folder.mkdir(exist_ok=True)
    target = folder / f"{path.name}.{time.time_ns()}"
    path.rename(target)
    for old in sorted(folder.iterdir(), key=lambda kept: kept.name.rpartition(".")[2])[:-_KEPT]:
        _log.warning("damaged blob deleted: newer ones are kept", extra={"file": old.name})
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.unlink(missing_ok=True)
    return target


def _look(path: Path) -> _Look:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
