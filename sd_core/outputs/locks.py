"""Who works in a folder: a file for each worker, locked by the operating system for as long as that worker lives.

The system's own locks rather than a file that is there or not: whoever is killed holds nothing any more, at once, and no
process number has to be guessed at. NFS (version 4) and SMB pass them on to the other machines; a system without locks is
refused. The text in the file says who it is; its time of change is the last sign of life.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..files import output_error

_WAIT = 30.0
"""Seconds that a worker waits for another one to commit: a hundred times what the slowest disk of ours took."""

_LOOK = 0.01

_LOCKED_ERRNOS = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK})
_FAR = 1 << 40
"""Byte that Windows locks: others may not read locked bytes, and the text is to be read."""


def try_lock(handle: int, path: Path) -> bool:
    """Lock an open file; False where somebody else holds it.

    Raises:
        OutputError: the file system has no locks.
    """
    try:
        _lock(handle)
    except OSError as error:
        if error.errno in _LOCKED_ERRNOS:
            return False
        raise OutputError(
            str(path), f"cannot be locked: {error.strerror}", hint="choose a disk whose file system has locks"
        ) from error
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made where it is missing, as is its folder.

    Raises:
        OutputError: it cannot be made, or somebody else holds it for too long.
    """
    handle = _take_lock(path)
    try:
        yield
    finally:
        os.close(handle)


def _take_lock(path: Path) -> int:
    end = time.monotonic() + _WAIT
    while time.monotonic() < end:
        _make(path.parent)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except FileNotFoundError:
            continue  # the last worker has just tidied up
        except OSError as error:
            raise output_error(path, error) from error
        if try_lock(handle, path) and _is_at(handle, path):
            return handle
        os.close(handle)
        time.sleep(_LOOK)
    raise OutputError(str(path), f"has been held for {_WAIT:.0f} s", hint="see which program works in this folder")


def _make(folder: Path) -> None:
    """Make the folder of a lock, whose own folder must be there and take one; `/proc` has folders that do not."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


def _is_at(handle: int, path: Path) -> bool:
    """Whether the file that was locked is still the one of this name: it may have been removed meanwhile."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


def worker_record(claim_id: str, span: tuple[int, int] | None) -> dict[str, Any]:
    """What a worker tells about itself."""
    return {
        "run": claim_id,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "program": Path(sys.argv[0] or sys.executable).name if sys.argv else Path(sys.executable).name,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "span": span,
    }


def describe_worker(path: Path) -> tuple[str, tuple[int, int] | None]:
    """Who the text of a worker's file names, and the span that it works at; None: all."""
    try:
        record = json.loads(path.read_bytes())
        span = None if record["span"] is None else (int(record["span"][0]), int(record["span"][1]))
        alive = max(0.0, time.time() - path.stat().st_mtime)
        who = f"{record['program']} (process {record['pid']} on {record['host']}), since {record['started']}"
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return "somebody who does not tell who it is", None
    return f"{who}, last seen at work {alive:.0f} s ago", span
