"""What the user has approved besides the catalogue: `allowed.json` in `SD_CORE_HOME`, read again at every check."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..errors import RequestError, SDError
from ..files import output_error, write_private
from ..values import Role
from .places import Kind, ResolvedName, printable, resolve_name

_FILE = "allowed.json"
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def approvals(home: Path) -> tuple[str, ...]:
    """Hub ids and whole paths, of files and of folders with everything below them, sorted.

    Raises:
        SDError: the file is damaged, or others than the user can change it.
    """
    path = home / _FILE
    try:
        with path.open("rb") as stream:
            _check_owner(path, os.fstat(stream.fileno()))
            data = json.loads(stream.read())
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError) as error:
        raise _damage_error(path, str(error)) from error
    listed = data.get("allowed") if isinstance(data, dict) else None
    if not isinstance(listed, list) or not all(isinstance(item, str) and item for item in listed):
        raise _damage_error(path, 'it is not {"allowed": [texts]}')
    return tuple(sorted(set(listed)))


def approve(home: Path, names: Iterable[str]) -> list[str]:
    """Approve hub ids and paths from now on; gives them as they are noted. Only the user's own word may lead here.

    Raises:
        RequestError: neither a hub id nor a path.
        SDError: the file is damaged.
        OutputError: it cannot be written.
    """
    added = [canonical_name(name, home) for name in names]
    for item in added:
        _require_sensible(item)
    _write(home, {*approvals(home), *added})
    return added


def _require_sensible(item: str) -> None:
    """Refuse slips: an unset variable, a typing error, the whole machine."""
    path = Path(item)
    if path.is_absolute() and not path.exists():
        raise RequestError("name", f"there is no file or folder {printable(item)}", hint="check the path")
    if path.is_absolute() and path == Path(path.anchor):
        raise RequestError("name", f"{printable(item)} is the whole disk", hint="name the folder of your models")


def withdraw(home: Path, names: Iterable[str]) -> list[str]:
    """Take approvals back; gives those that there were.

    Raises:
        SDError: the file is damaged.
        OutputError: it cannot be written.
    """
    before = approvals(home)
    meant = [
        name if name in before else resolve_name(Role.CONTROLNET, name, home).text for name in names if name.strip()
    ]
    removed = [item for item in meant if item in before]
    _write(home, set(before) - set(removed))
    return removed


def canonical_name(name: str, home: Path) -> str:
    """How a hub id or a path is written down: paths whole, links followed.

    Raises:
        RequestError: it is neither.
    """
    target = resolve_name(Role.CONTROLNET, name, home) if name.strip() else ResolvedName(Kind.NOTHING, name)
    if target.kind is Kind.NOTHING:
        raise RequestError("name", f"is neither a hub id nor a path: {printable(name)!r}", hint="name an existing path")
    return target.text


def _write(home: Path, names: Iterable[str]) -> None:
    """Whole from the moment it has its name, and readable by this user only."""
    path = home / _FILE
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from error
    write_private(path, json.dumps({"allowed": sorted(names)}, indent=1).encode())


def _check_owner(path: Path, status: os.stat_result) -> None:
    if os.name != "nt" and (status.st_mode & _WRITABLE_BY_OTHERS or status.st_uid not in (os.getuid(), 0)):
        raise SDError(f"{path} can be changed by others", hint=f"check what it lists, then: chmod 600 {path}")


def _damage_error(path: Path, reason: str) -> SDError:
    hint = "mend or delete it; then allow again what you use: sd-core models allow PATH_OR_HUB_ID"
    return SDError(f"{path} cannot be read ({reason})", hint=hint)
