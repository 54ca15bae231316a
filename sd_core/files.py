"""Files that are either written whole or not at all, and read only where they have an end."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .error_codes import ErrorCode
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


_UNSYNCED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems answer on which folders cannot be flushed (SMB, FUSE): they have no need of it or no means."""

_BLOCK = 1 << 20


def open_regular(path: Path) -> BinaryIO:
    """A regular file, opened to read its bytes; pipes and devices, which may never answer and never end, are not.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    _check_regular(path, path.stat())
    # Should a pipe have come in its place since, opening must not wait for somebody who writes into it.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    stream = os.fdopen(handle, "rb")
    try:
        _check_regular(path, os.fstat(handle))
    except OSError:
        stream.close()
        raise
    return stream


def _check_regular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "no regular file", str(path))


def write_files(files: Iterable[tuple[Path, bytes]], *, overwrite: bool = True) -> list[Path]:
    """Write all of `files`, or none.

    Each is written under a temporary name in its own folder and flushed to the disk; when all are there, all are
    renamed. What was at a path before stays until its successor is complete.

    Args:
        overwrite: False: a path that is taken is an error, unless it holds the very same bytes: then it is left alone.

    Raises:
        OutputError: full disk, read-only or missing folder ...; the temporary files are removed.
    """
    staged: list[tuple[Path, Path]] = []
    paths = []
    try:
        for path, content in files:
            paths.append(path)
            if not overwrite and _holds(path, content):
                continue
            staged.append((_temporary(path), path))
            write_new(staged[-1][0], content, path)
        if not overwrite:
            require_free(path for _, path in staged)
        for temporary, path in staged:
            rename(temporary, path)
    finally:
        for temporary, _ in staged:
            if temporary.exists():
                temporary.unlink()
    for folder in {path.parent for _, path in staged}:
        sync_folder(folder)
    return paths


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name next to `path`, with its suffix, for code that writes files by name.

    The file is flushed and renamed to `path` when the block ends well, else removed; what was at `path` stays until then.

    Raises:
        OutputError: it cannot be written; any `OSError` within the block is one.
    """
    temporary = path.with_name(f"{_temporary(path).name}{path.suffix}")
    try:
        yield temporary
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        rename(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only this user can read; it is whole from the moment it has its name.

    Raises:
        OutputError: it cannot be written; what was at `path` stays.
    """
    temporary = _temporary(path)
    try:
        write_new(temporary, content, path, mode=0o600)
        rename(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def require_free(paths: Iterable[Path]) -> None:
    """Check that nothing is at `paths`.

    Raises:
        OutputError: there is; names it.
    """
    for path in paths:
        if os.path.lexists(path):
            raise OutputError(
                str(path),
                "is there already",
                hint="choose another name, or allow it to be overwritten",
                code=ErrorCode.OUTPUT_EXISTS,
            )


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


def make_own_folder(path: Path) -> bool:
    """`make_folder` for a folder that we name ourselves, next to a result; see `refuse_way_out`."""
    refuse_way_out(path)
    return make_folder(path)


def refuse_way_out(path: Path) -> None:
    """Check that a folder we name ourselves is no link to another place, where nobody asked us to write.

    Raises:
        OutputError: it is.
    """
    if path.is_symlink() and path.resolve().parent != path.parent.resolve():
        raise OutputError(str(path), "is a link that leads elsewhere", hint="remove the link, or choose another name")


def check_name(path: Path) -> None:
    """Check that a path can be one of a file at all.

    Raises:
        OutputError: no system has such a name.
    """
    if "\0" in str(path):
        raise OutputError(repr(str(path)), "holds a NUL character, which no path has", hint="leave it out")


def output_error(path: Path, error: OSError) -> OutputError:
    """What the operating system said, with a remedy."""
    reason = error.strerror or str(error)
    return OutputError(
        str(path), f"cannot be written: {reason}", hint=_HINTS.get(error.errno or 0, "choose another place")
    )


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name[:200]}.{os.urandom(4).hex()}.tmp")


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def write_new(temporary: Path, content: bytes, path: Path, *, mode: int = 0o666) -> None:
    """Write a new file and flush it to the disk. path: what it is going to be called, for errors. mode: its permissions.

    Raises:
        OutputError: it cannot be written.
    """
    if path.is_dir():
        raise OutputError(str(path), "is a folder", hint="give a file name")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left[:_BLOCK]) :]
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise output_error(path, error) from error


def rename(temporary: Path, path: Path) -> None:
    """Give a file its name, in place of what is there.

    Raises:
        OutputError: that is not possible.
    """
    try:
        temporary.replace(path)
    except OSError as error:
        raise output_error(path, error) from error


def sync_folder(folder: Path) -> None:
    """Make new names last through a power cut; Windows does so by itself and cannot open folders.

    Raises:
        OutputError: the disk has failed.
    """
    if os.name == "nt":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise output_error(folder, error) from error
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise output_error(folder, error) from error
    finally:
        os.close(handle)
