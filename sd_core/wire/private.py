"""The home belongs to one user: nobody else may read it, and nobody else may have put it there.

Windows has no such permissions: a folder below the user's profile is private there already, and nothing is checked.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import ServerError

_ACCESS_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_FOLDERS = ("logs", "blobs", "jobs")
_FILES = ("server.json", "server.lock", "server.*.tmp", "start.log", "allowed.json", "journal.sqlite3*")
"""What the server writes; files of the user, such as LoRAs, keep the permissions that they have."""

_OURS = ("journal.sqlite3", "blobs", "server.lock")
"""Any of them, of this user: a server has been here before."""

_SYSTEM = "lost+found"
"""The system's own, in a home that is a file system of its own."""

_EXPECTED = frozenset({*_FOLDERS, "loras", "models", "temporary", "tokens.toml", "lost", "allowed.json", "start.log"})
"""What may lie in a home that no server has used yet: what the user puts there, and the log of its first start."""


def make_private(home: Path) -> list[str]:
    """Make the folder, or take from others the right to read what is in it; gives what was repaired, each path once.

    Raises:
        ServerError: it cannot be made or read, belongs to another user, holds what is not the server's where others can read
            it, or lies where others can write.
    """
    try:
        if os.name == "nt":
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            return []
        _refuse_movable(home)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_foreign(home)
        _refuse_shared(home)
        return [
            *_repair(home),
            *(said for folder in _FOLDERS for said in _repaired_folder(home / folder)),
            *_files(home),
        ]
    except FileExistsError as error:
        raise ServerError(f"{home} is a file", hint=_ELSEWHERE) from error
    except OSError as error:
        raise ServerError(f"{home} cannot be used: {error.strerror}", hint=_ELSEWHERE) from error


def open_private(path: Path) -> int:
    """A handle that writes an empty file which only this user may read; a link at its place is refused by the system."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags, 0o600)


_ELSEWHERE = "name another folder with --home or SD_CORE_HOME"


def _refuse_foreign(folder: Path) -> None:
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise ServerError(f"{folder} belongs to another user", hint=_ELSEWHERE)
    target = folder.resolve()
    if target == Path(os.path.abspath(folder)):  # noqa: PTH100 - `resolve` would follow the links that are looked for
        return
    # Through a link: what lies there may have been prepared by whoever can write there or move it away.
    for place in (target, *target.parents):
        mode = place.stat().st_mode
        sticky = place != target and mode & stat.S_ISVTX
        if mode & stat.S_IWOTH and not sticky:
            raise ServerError(f"{folder} leads to {place}, where every user can write", hint=_ELSEWHERE)


def _refuse_movable(home: Path) -> None:
    """Whoever can write in a folder above, and may move what belongs to others, could put another one in its place."""
    for folder in Path(os.path.abspath(home)).parents:  # noqa: PTH100 - links are `_refuse_foreign`'s
        if not folder.exists():
            continue
        mode = folder.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise ServerError(f"{home} lies below {folder}, where every user can write", hint=_ELSEWHERE)


def _refuse_shared(home: Path) -> None:
    """Permissions are only taken from what is the server's own: not from /tmp, nor from /etc."""
    user = os.geteuid()
    if any(path.lstat().st_uid == user for path in (home / name for name in _OURS) if os.path.lexists(path)):
        return
    entries = [path for path in home.iterdir() if path.name != _SYSTEM]
    others = sorted(path for path in entries if path.name not in _EXPECTED or path.lstat().st_uid != user)
    if others and (home.stat().st_mode & _ACCESS_OF_OTHERS or any(path.lstat().st_uid != user for path in others)):
        raise ServerError(
            f"{home} is no folder of a server: it holds {others[0].name!r:.80}, and others can use it", hint=_ELSEWHERE
        )


def _repaired_folder(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        return
    _refuse_foreign(folder)
    yield from _repair(folder)
    count = sum(_remove_access(path) for path in _below(folder))
    if count:
        yield f"{count} files in {folder} could be read by other users"


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(parent, name)


def _files(home: Path) -> Iterator[str]:
    for pattern in _FILES:
        for path in sorted(home.glob(pattern)):
            yield from _repair(path)


def _repair(path: Path) -> Iterator[str]:
    if _remove_access(path):
        yield f"{path} could be read by other users"


def _remove_access(path: Path) -> bool:
    """Take the rights of others away; whether they had any. A link has none of its own, and its target is not ours."""
    try:
        mode = path.stat().st_mode if path.is_dir() else path.lstat().st_mode
        if stat.S_ISLNK(mode) or not mode & _ACCESS_OF_OTHERS:
            return False
        path.chmod(stat.S_IMODE(mode) & ~_ACCESS_OF_OTHERS)
    except FileNotFoundError:  # deleted by whoever made it, such as a server that ends
        return False
    return True
