"""What files hold, read once for as long as they stay the same; and what is to be said of files that are not ours."""

from __future__ import annotations

import stat
from pathlib import Path

from ..errors import OutputError
from ..files import output_error
from .manifest import Content, content_of_file

_Signature = tuple[int, int, int]


class Contents:
    """Contents by path; a file is read again only where its size, time or inode is another one."""

    def __init__(self) -> None:
        self._by_path: dict[Path, tuple[_Signature, Content]] = {}

    def of(self, path: Path) -> Content:
        """What a file holds.

        Raises:
            OutputError: it cannot be read.
        """
        try:
            signature, seen = _signature(path), self._by_path.get(path)
            if seen is None or seen[0] != signature:
                self._by_path[path] = seen = (signature, content_of_file(path))
        except OSError as error:
            raise output_error(path, error) from error
        return seen[1]

    def note(self, path: Path, content: Content) -> None:
        """What a file is known to hold, having just been read or written.

        Raises:
            OutputError: it is gone again.
        """
        try:
            self._by_path[path] = (_signature(path), content)
        except OSError as error:
            raise output_error(path, error) from error


def is_plain(path: Path) -> bool | None:
    """Whether a plain file lies there, no link or device; None: nothing does.

    Raises:
        OutputError: the system does not tell.
    """
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise output_error(path, error) from error


def unlink(path: Path) -> None:
    """Remove a file.

    Raises:
        OutputError: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(path, error) from error


def foreign_file_error(path: Path) -> OutputError:
    """The error that tells of somebody else's file."""
    return OutputError(
        str(path),
        "lies where a file is to be written, and is not sd_core's",
        hint="move it away, or use another folder",
    )


def _signature(path: Path) -> _Signature:
    found = path.lstat()
    return found.st_size, found.st_mtime_ns, found.st_ino
