"""Files that are either written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from .errors import OutputError

_HINTS = {
    errno.ENOSPC: "free some space, or choose another disk",
    errno.EDQUOT: "free some space, or choose another disk",
    errno.EFBIG: "choose a disk that takes larger files",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
    errno.ENOENT: "create the folder first",
    errno.ENOTDIR: "choose a folder, not a file",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def write_files(files: Iterable[tuple[Path, bytes]]) -> list[Path]:
    """Write all of `files`, or none.

    Each is written under a temporary name in its own folder and flushed to the disk; when all are there, all are
    renamed. What was at a path before stays until its successor is complete.

    Raises:
        OutputError: full disk, read-only or missing folder ...; the temporary files are removed.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, content in files:
            staged.append((_temporary(path), path))
            _write(staged[-1][0], path, content)
        for temporary, path in staged:
            _rename(temporary, path)
    finally:
        for temporary, _ in staged:
            if temporary.exists():
                temporary.unlink()
    for folder in {path.parent for _, path in staged}:
        sync_folder(folder)
    return [path for _, path in staged]


def make_folder(path: Path) -> bool:
    """Make the folder `path`; True where it was not there before.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise output_error(path, error) from error
    return True


def output_error(path: Path, error: OSError) -> OutputError:
    """What the operating system said, with a remedy."""
    reason = error.strerror or str(error)
    return OutputError(
        str(path), f"cannot be written: {reason}", hint=_HINTS.get(error.errno or 0, "choose another place")
    )


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name[:200]}.{os.urandom(4).hex()}.tmp")


def _write(temporary: Path, path: Path, content: bytes) -> None:
    if path.is_dir():
        raise OutputError(str(path), "is a folder", hint="give a file name")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise output_error(path, error) from error


def _rename(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        raise output_error(path, error) from error


def sync_folder(folder: Path) -> None:
    """Make the renames last through a power cut; Windows does so by itself and cannot open folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
