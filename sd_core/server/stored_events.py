"""The events of jobs in the journal, each with a checksum of its own."""

from __future__ import annotations

import json
import logging
import sqlite3
from dataclasses import dataclass
from typing import Any

from ..errors import ServerError
from ..events import EventKind
from .seals import seal_of

_log = logging.getLogger(__name__)

_RUN_BITS = 32


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its id, which grows within a job: the run it belongs to, then its number in that run."""

    id: int
    data: dict[str, Any]


def event_id(run_number: int, number: int) -> int:
    """Ids of a later run are greater than all of an earlier one, whether or not those were written down."""
    return (run_number << _RUN_BITS) + number


def add_event(connection: sqlite3.Connection, number: int, event: StoredEvent) -> None:
    """Write an event of a job down."""
    text = json.dumps(event.data)
    values = (number, event.id, text, seal_of((number, event.id, text)))
    connection.execute("INSERT INTO events (job, id, data, seal) VALUES (?, ?, ?, ?)", values)


def events(connection: sqlite3.Connection, number: int, after: int) -> list[StoredEvent]:
    """The events of a job that were written down, with ids greater than `after`.

    A damaged one becomes a failure where it was the last, as that says how the job ended; else it is left out, and logged.
    """
    query = "SELECT job, id, data, seal FROM events WHERE job = ? AND id > ? ORDER BY id"
    rows = connection.execute(query, (number, after)).fetchall()
    read = [_event(row, last=row is rows[-1]) for row in rows]
    return [event for event in read if event is not None]


def last_event(connection: sqlite3.Connection, number: int) -> StoredEvent | None:
    """The event that was written down last."""
    query = "SELECT job, id, data, seal FROM events WHERE job = ? ORDER BY id DESC LIMIT 1"
    row = connection.execute(query, (number,)).fetchone()
    return None if row is None else _event(row, last=True)


def finished_frames(connection: sqlite3.Connection, number: int) -> set[int]:
    """The indices of the frames of a job that were written down."""
    return {event.data["index"] for event in events(connection, number, 0) if event.data["kind"] == EventKind.FRAME}


def _event(row: sqlite3.Row, *, last: bool) -> StoredEvent | None:
    if row["seal"] == seal_of((row["job"], row["id"], row["data"])):
        return StoredEvent(row["id"], json.loads(row["data"]))
    _log.error("an event in the journal is damaged", extra={"number": row["job"], "event": row["id"]})
    if not last:
        return None
    error = ServerError(
        "how the job ended is damaged in the journal: a checksum does not match", status=500, hint="submit it again"
    )
    return StoredEvent(row["id"], {"kind": "failed", "error": error.to_dict()})
