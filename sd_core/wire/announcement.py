"""The file in which a running server tells where it listens."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import ServerError
from ..files import write_private

_FILE = "server.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Where a server listens: base URL, bearer token (empty: none is asked for) and process id."""

    url: str
    token: str
    pid: int


def write_announcement(home: Path, announcement: Announcement) -> Path:
    """Write the file that only this user can read; it is whole from the moment it has its name.

    Raises:
        OutputError: it cannot be written.
    """
    path = home / _FILE
    write_private(path, json.dumps(asdict(announcement)).encode())
    return path


def remove_announcement(home: Path, pid: int) -> None:
    """Take back the file of the server with this process id; that of another one stays, and so does one that is damaged."""
    try:
        announced = read_announcement(home)
    except ServerError:
        return
    if announced.pid == pid:
        (home / _FILE).unlink(missing_ok=True)


def read_announcement(home: Path) -> Announcement:
    """Where the server of this folder listens.

    Raises:
        ServerError: none has been started here, or the file is damaged.
    """
    path = home / _FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Announcement(url=str(data["url"]), token=str(data["token"]), pid=int(data["pid"]))
    except FileNotFoundError as error:
        raise ServerError(f"no server is announced in {home}", hint="start one: sd-core serve") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServerError(f"{path} cannot be read: {error}", hint="delete it and start the server again") from error
