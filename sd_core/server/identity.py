"""Who speaks to the server: one identity for each token."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..errors import RequestError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Role(StrEnum):
    """An admin may do everything; a user has jobs of its own; a monitor reads health and metrics."""

    ADMIN = "admin"
    USER = "user"
    MONITOR = "monitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What one identity may ask for; None: as much as the server's own limits leave. The defaults stop only what nobody means.

    queued_jobs: waiting or running at the same time.
    upload_bytes: arrays and files that those need, and others that it has sent within the hour, under way or refused too.
        None is a quarter of the space for blobs, see `quotas.upload_bound`.
    job_work, queued_work: pixels x steps x images (or frames) of one job, and of all that wait or run. A film of 10,000 frames
        of 1024 x 1024 px in 30 steps is 3e11.
    streams: of events, open at the same time.
    """

    queued_jobs: int | None = 2_000
    upload_bytes: int | None = None
    job_work: int | None = 10**12
    queued_work: int | None = 10**13
    streams: int | None = 128


NO_QUOTA = Quota(queued_jobs=None, upload_bytes=None, job_work=None, queued_work=None, streams=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody with a token.

    name: as in the log. owner: what its jobs are marked with; empty for the one token of a server, and where none is asked for.
    """

    name: str
    role: Role
    quota: Quota = field(default_factory=Quota)
    owner: str = ""

    @property
    def is_admin(self) -> bool:
        """Whether it sees and changes everything."""
        return self.role is Role.ADMIN

    def may_see(self, owner: str) -> bool:
        """Whether a job of this owner exists for it."""
        return self.is_admin or owner == self.owner


ADMIN = Identity(name="admin", role=Role.ADMIN, quota=NO_QUOTA)
"""Whoever holds the token of the server itself."""


class Identities:
    """Finds the identity of a token; every token is compared, each in constant time."""

    def __init__(self, token: str, by_digest: Mapping[str, Identity]) -> None:
        self._by_digest = dict(by_digest)
        if token:
            self._by_digest[_digest(token)] = ADMIN

    def find(self, token: str) -> Identity | None:
        """Whose token this is; None for nobody's."""
        digest, found = _digest(token), None
        for known, identity in self._by_digest.items():
            # Digests, as the time of a comparison tells the length of what it compares.
            if secrets.compare_digest(known, digest):
                found = identity
        return found


def read_tokens(path: Path) -> dict[str, Identity]:
    """The identities in a tokens file, by the SHA-256 of their tokens.

    A TOML file with one table for each name: `token` or `sha256` (of the token, 64 hexadecimal digits), `role` ("admin",
    "user" or "monitor"; a user where it is left out) and the fields of `Quota`.

    Raises:
        RequestError: it cannot be read, can be read by others, or holds something else.
    """
    try:
        text = read_secret(path)
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _tokens_error(path, f"is no TOML: {error}") from error
    found: dict[str, Identity] = {}
    for name, table in tables.items():
        digest, identity = _entry(path, name, table)
        if digest in found:
            raise _tokens_error(path, f"gives {found[digest].name} and {name} the same token")
        found[digest] = identity
    return found


def read_secret(path: Path) -> str:
    """The text of a file that only this user may read.

    Raises:
        RequestError: it cannot be read, or others can read it too.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if os.name != "nt" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise RequestError(str(path), "can be read by other users", hint=f"chmod 600 {path}")
            return stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(str(path), f"cannot be read: {error}", hint="name a file of yours") from error


def _entry(path: Path, name: str, table: Any) -> tuple[str, Identity]:
    if not _NAME.fullmatch(name) or name == ADMIN.name or not isinstance(table, dict):
        raise _tokens_error(
            path, f"has {name!r:.80}, which is no table with a name of letters, digits, '_', '-' and '.'"
        )
    entry: dict[str, Any] = dict(table)
    token, digest = entry.pop("token", None), entry.pop("sha256", None)
    if isinstance(token, str) and digest is None and len(token) >= 16:
        digest = _digest(token)
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise _tokens_error(path, f"gives {name} no token of at least 16 characters, nor the sha256 of one")
    try:
        role = Role(entry.pop("role", Role.USER))
    except ValueError as error:
        raise _tokens_error(path, f"gives {name} another role than {', '.join(Role)}") from error
    return digest, Identity(name=name, role=role, quota=_quota(path, name, entry), owner=name)


def _quota(path: Path, name: str, entry: Mapping[str, Any]) -> Quota:
    known = {each.name for each in fields(Quota)}
    for key, value in entry.items():
        if key not in known:
            raise _tokens_error(
                path, f"gives {name} {key!r:.80}; there are token, sha256, role, {', '.join(sorted(known))}"
            )
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise _tokens_error(path, f"gives {name} a {key} that is no whole number of at least 0")
    return Quota(**entry)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _tokens_error(path: Path, message: str) -> RequestError:
    return RequestError(str(path), message, hint="see docs/administration.md")
