"""Whether files are still those that were read: what caches put into their keys, since names stay when files are replaced."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

Identity: TypeAlias = tuple[tuple[str, int, int, int, int, int], ...]
"""Path, device, inode, size, time of content and time of status (ns) of each file. Not a digest: that of one checkpoint takes
seconds, and these are looked at for every job. `os.utime` sets the time of content back, but not that of status (which
Windows has not: a file there that is replaced with size and time kept is not noticed)."""

_DEEPEST = 1
"""Folders below a model's own in which its parts lie."""

_TICK = 0.05
"""s within which two changes of a file may bear the same time: file systems use the kernel's tick, at most 10 ms; five of them."""


def identity(paths: Iterable[Path]) -> Identity:
    """Of files, and of the files in folders and in their sub-folders; equal as long as nobody changed any of them.

    Take it before the files are read: then a change while they are read is noticed too. A file that was changed just now
    is waited for until a later change would show, at most 50 ms.
    """
    found = list(_all_files(paths))
    now = time.time_ns()
    newest = max((status for *_, status in found), default=0)
    if 0 <= now - newest < _TICK * 1e9:
        time.sleep(_TICK - (now - newest) / 1e9)
        found = list(_all_files(paths))
    return tuple(sorted(found))


def _all_files(paths: Iterable[Path]) -> Iterator[tuple[str, int, int, int, int, int]]:
    for path in paths:
        yield from _files(path, _DEEPEST + 1)


def _files(path: Path, levels: int) -> Iterator[tuple[str, int, int, int, int, int]]:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            yield (
                str(path), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns,
            )  # fmt: skip
        elif stat.S_ISDIR(status.st_mode) and levels:
            for name in os.listdir(path):  # noqa: PTH208 - a list, before anything is done with it
                yield from _files(path / name, levels - 1)
    except OSError:
        # Gone, or not to be read: it has no identity, and who loads it says why.
        return
