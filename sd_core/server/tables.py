"""The tables of the journal, and how those of an earlier version become the present ones."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping

from .database import Connection, JournalError
from .records import reseal, sealed_text
from .result_blob_rows import write_outputs, write_result_blobs
from .seals import seal_of

_log = logging.getLogger(__name__)

_VERSION = 2

_TABLES_1 = (
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL DEFAULT 'queued',
        priority INTEGER NOT NULL,
        place REAL NOT NULL DEFAULT 0,
        moved INTEGER NOT NULL DEFAULT 0,
        request TEXT NOT NULL,
        attachments TEXT NOT NULL,
        model TEXT,
        runs INTEGER NOT NULL DEFAULT 0,
        deaths INTEGER NOT NULL DEFAULT 0,
        device TEXT,
        submitted REAL NOT NULL,
        started REAL,
        ended REAL
    )
    """,
    "CREATE INDEX waiting ON jobs (priority, place) WHERE state = 'queued'",
    "CREATE INDEX by_state ON jobs (state)",
    """
    CREATE TABLE events (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
        id INTEGER NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (job, id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE blobs (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (job, sha256)
    ) WITHOUT ROWID
    """,
)

_TO_2 = (
    "ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE jobs ADD COLUMN type TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE jobs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN work REAL NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN frames INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN reason TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE jobs ADD COLUMN died_at INTEGER NOT NULL DEFAULT -1",
    "ALTER TABLE jobs ADD COLUMN died_on TEXT",
    "ALTER TABLE jobs ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN interrupted_at INTEGER NOT NULL DEFAULT -1",
    "ALTER TABLE jobs ADD COLUMN failures INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN seal INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE events ADD COLUMN seal INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX by_owner ON jobs (owner, state)",
    "CREATE INDEX by_blob ON blobs (sha256)",
    """
    CREATE TABLE descents (
        job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
        made BLOB NOT NULL,
        source BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE outputs (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (job, sha256)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX outputs_by_blob ON outputs (sha256)",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    "INSERT INTO meta VALUES ('commits', 0), ('held', 0)",
)


def make_tables(connection: Connection) -> None:
    """Make what is missing, and bring the tables of an earlier version up to date: all of it or nothing.

    Raises:
        JournalError: written by a later version.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise JournalError(f"the journal has format {version}, this program knows {_VERSION}", hint="update sd_core")
    if version == _VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version, _VERSION):
            _STEPS[number](connection)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _to_1(connection: Connection) -> None:
    for statement in _TABLES_1:
        connection.execute(statement)


def _to_2(connection: Connection) -> None:
    for statement in _TO_2:
        connection.execute(statement)
    for (number,) in connection.execute("SELECT number FROM jobs").fetchall():
        _describe(connection, number)
    for row in connection.execute("SELECT job, id, data FROM events").fetchall():
        write_outputs(connection, row["job"], _json(row["data"]))
        connection.execute("UPDATE events SET seal = ? WHERE job = ? AND id = ?", (seal_of(row), row["job"], row["id"]))


def _describe(connection: Connection, number: int) -> None:
    """Fill what version 1 did not know of a job."""
    row = connection.execute("SELECT id, request, attachments, state FROM jobs WHERE number = ?", (number,)).fetchone()
    query = "SELECT count(*) FROM events WHERE job = ? AND json_valid(data) AND json_extract(data, '$.kind') = 'frame'"
    (frames,) = connection.execute(query, (number,)).fetchone()
    request, last = _json(row["request"]), _json(_last_event(connection, number))
    connection.execute(
        "UPDATE jobs SET type = ?, frames = ?, sealed = ? WHERE number = ?",
        (
            str(request.get("type", "")),
            frames,
            sealed_text(number, row["id"], row["request"], row["attachments"]),
            number,
        ),
    )
    if row["state"] == "done":
        write_result_blobs(connection, number, request, last)
    reseal(connection, number)


def _last_event(connection: Connection, number: int) -> str:
    row = connection.execute("SELECT data FROM events WHERE job = ? ORDER BY id DESC LIMIT 1", (number,)).fetchone()
    return "" if row is None else row["data"]


def _json(text: str) -> Mapping[str, object]:
    """What a text of version 1 says; empty where it cannot be read, which is reported when it is needed."""
    try:
        data = json.loads(text)
    except ValueError:
        _log.warning("a text in the journal is no JSON", extra={"text": text[:80]})
        return {}
    return data if isinstance(data, Mapping) else {}


_STEPS: tuple[Callable[[Connection], None], ...] = (_to_1, _to_2)
