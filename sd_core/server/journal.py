"""What is done to the journal: functions of a connection, each one transaction of `Database`."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ServerError
from .database import Connection
from .records import JobRecord, JobState, NewJob, Priority, Rank, record_from_row

_ORDER = "ORDER BY priority, place"
_RUN_BITS = 32


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its id, which grows within a job: the run it belongs to, then its number in that run."""

    id: int
    data: dict[str, Any]


def event_id(run: int, number: int) -> int:
    """Ids of a later run are greater than all of an earlier one, whether or not those were written down."""
    return (run << _RUN_BITS) + number


def add(connection: Connection, new: NewJob, limit: int) -> tuple[JobRecord, int | None]:
    """Write a job down, with its first event; a repeated one changes nothing.

    Returns:
        The job, and how many are before it; None where it was there already.

    Raises:
        ServerError: 409, the id belongs to another job; 429, `limit` jobs wait already.
    """
    if (known := repeated(connection, new.id, new.request, new.attachments)) is not None:
        return known, None
    (waiting,) = connection.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
    if waiting >= limit:
        raise ServerError(f"{waiting} jobs wait already", status=429, hint="try again when some have ended")
    rank = Rank.of(new.priority)
    before = _count_before(connection, rank)
    cursor = connection.execute(
        "INSERT INTO jobs (id, priority, request, attachments, model, submitted) VALUES (?, ?, ?, ?, ?, ?)",
        (new.id, rank, new.request, json.dumps(dict(new.attachments), sort_keys=True), new.model, time.time()),
    )
    number = cursor.lastrowid
    assert number is not None
    connection.execute("UPDATE jobs SET place = number WHERE number = ?", (number,))
    connection.executemany("INSERT INTO blobs VALUES (?, ?)", [(number, digest) for digest in new.blobs])
    add_event(connection, number, StoredEvent(event_id(0, 1), {"kind": "queued", "position": before}))
    return get(connection, new.id), before


def repeated(connection: Connection, job_id: str, request: str, attachments: Mapping[str, str]) -> JobRecord | None:
    """The job of this id, if there is one.

    Raises:
        ServerError: 409, it is another one.
    """
    known = _find(connection, job_id)
    if known is not None and (known.request, dict(known.attachments)) != (request, dict(attachments)):
        raise ServerError(f"job {job_id} is another one", status=409, hint="choose another id")
    return known


def get(connection: Connection, job_id: str) -> JobRecord:
    """One job.

    Raises:
        ServerError: 404.
    """
    job = _find(connection, job_id)
    if job is None:
        raise ServerError(f"there is no job {job_id}", status=404, hint="list them with GET /v1/jobs")
    return job


def list_jobs(connection: Connection, state: JobState | None, after: int, limit: int) -> list[JobRecord]:
    """At most `limit` jobs: those that wait in the order in which they will run, others by number, above `after`."""
    if state is JobState.QUEUED:
        rows = connection.execute(f"SELECT * FROM jobs WHERE state = 'queued' {_ORDER} LIMIT ?", (limit,))  # noqa: S608
    elif state is None:
        rows = connection.execute("SELECT * FROM jobs WHERE number > ? ORDER BY number LIMIT ?", (after, limit))
    else:
        query = "SELECT * FROM jobs WHERE state = ? AND number > ? ORDER BY number LIMIT ?"
        rows = connection.execute(query, (state, after, limit))
    return [record_from_row(row) for row in rows]


def take(connection: Connection, device: str, loaded: str | None, *, group: bool) -> JobRecord | None:
    """Start the next job on a device.

    Args:
        connection: of the journal.
        device: which one.
        loaded: the model that it holds.
        group: prefer a job of the same priority for that model, unless somebody has moved another one to the front.
    """
    first = connection.execute(f"SELECT * FROM jobs WHERE state = 'queued' {_ORDER} LIMIT 1").fetchone()  # noqa: S608
    if first is None:
        return None
    chosen = first
    if group and loaded is not None and first["model"] not in (None, loaded) and not first["moved"]:
        query = f"SELECT * FROM jobs WHERE state = 'queued' AND priority = ? AND model = ? {_ORDER} LIMIT 1"  # noqa: S608
        chosen = connection.execute(query, (first["priority"], loaded)).fetchone() or first
    connection.execute(
        "UPDATE jobs SET state = 'running', runs = runs + 1, device = ?, started = ? WHERE number = ?",
        (device, time.time(), chosen["number"]),
    )
    return get(connection, chosen["id"])


def put_back(connection: Connection, job: JobRecord, *, died: bool) -> None:
    """Let a job that was interrupted wait again, at its old place."""
    connection.execute(
        "UPDATE jobs SET state = 'queued', deaths = deaths + ? WHERE number = ? AND state = 'running'",
        (died, job.number),
    )


def put_back_all(connection: Connection) -> int:
    """Let every job wait again that ran when the server ended; gives their number."""
    return connection.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'").rowcount


def finish(connection: Connection, job: JobRecord, state: JobState, last: StoredEvent) -> None:
    """End a job with its last event; one that has ended already stays as it is."""
    cursor = connection.execute(
        "UPDATE jobs SET state = ?, ended = ? WHERE number = ? AND state IN ('queued', 'running')",
        (state, time.time(), job.number),
    )
    if cursor.rowcount:
        add_event(connection, job.number, last)


def cancel_waiting(connection: Connection, job_id: str) -> tuple[JobRecord, StoredEvent | None]:
    """End a job if it waits; gives the job as it is then, and the event that this call has ended it with."""
    job = get(connection, job_id)
    if job.state is not JobState.QUEUED:
        return job, None
    last = StoredEvent(event_id(job.runs + 1, 0), {"kind": "cancelled"})
    finish(connection, job, JobState.CANCELLED, last)
    return get(connection, job_id), last


def move(connection: Connection, job_id: str, position: int | None, priority: Priority | None) -> JobRecord:
    """Change the priority of a waiting job, or its place among those of its priority (0: next).

    Raises:
        ServerError: 404; 409, the job does not wait.
    """
    job = get(connection, job_id)
    if job.state is not JobState.QUEUED:
        raise ServerError(f"job {job_id} is {job.state}", status=409, hint="only waiting jobs can be moved")
    rank = Rank.of(priority or job.priority)
    connection.execute("UPDATE jobs SET priority = ? WHERE number = ?", (rank, job.number))
    if position is not None:
        _place(connection, rank, job.number, position)
    return get(connection, job_id)


def add_event(connection: Connection, number: int, event: StoredEvent) -> None:
    """Write an event of a job down."""
    connection.execute("INSERT INTO events VALUES (?, ?, ?)", (number, event.id, json.dumps(event.data)))


def events(connection: Connection, job_id: str, after: int) -> list[StoredEvent]:
    """The events of a job that were written down, with ids greater than `after`."""
    job = get(connection, job_id)
    rows = connection.execute("SELECT id, data FROM events WHERE job = ? AND id > ? ORDER BY id", (job.number, after))
    return [StoredEvent(row["id"], json.loads(row["data"])) for row in rows]


def needed_blobs(connection: Connection) -> Counter[str]:
    """How many unfinished jobs need each blob."""
    query = "SELECT sha256 FROM blobs JOIN jobs ON jobs.number = blobs.job WHERE state IN ('queued', 'running')"
    return Counter(row["sha256"] for row in connection.execute(query))


def unfinished(connection: Connection) -> frozenset[str]:
    """The ids of the jobs that wait or run."""
    rows = connection.execute("SELECT id FROM jobs WHERE state IN ('queued', 'running')")
    return frozenset(row["id"] for row in rows)


def blobs_of(connection: Connection, job: JobRecord) -> list[str]:
    """The blobs that a job needs."""
    return [row["sha256"] for row in connection.execute("SELECT sha256 FROM blobs WHERE job = ?", (job.number,))]


def results(connection: Connection) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Request and last event of every job that has a result, in order of arrival."""
    query = """
        SELECT request, data FROM jobs JOIN events ON job = number
        WHERE state = 'done' AND events.id = (SELECT max(id) FROM events WHERE job = number) ORDER BY number
    """
    for row in connection.execute(query):
        yield json.loads(row["request"]), json.loads(row["data"])


def count_states(connection: Connection) -> dict[JobState, int]:
    """How many jobs there are in each state."""
    found = {
        row["state"]: row["n"] for row in connection.execute("SELECT state, count(*) AS n FROM jobs GROUP BY state")
    }
    return {state: found.get(state, 0) for state in JobState}


def forget(connection: Connection, keep: int) -> list[str]:
    """Delete the oldest finished jobs but for the last `keep`; gives their ids."""
    query = "SELECT id FROM jobs WHERE state NOT IN ('queued', 'running') ORDER BY number DESC LIMIT -1 OFFSET ?"
    ids = [row["id"] for row in connection.execute(query, (keep,))]
    connection.executemany("DELETE FROM jobs WHERE id = ?", [(job_id,) for job_id in ids])
    return ids


def _find(connection: Connection, job_id: str) -> JobRecord | None:
    row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else record_from_row(row)


def _count_before(connection: Connection, rank: Rank) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM jobs WHERE state = 'running' OR (state = 'queued' AND priority <= ?)", (rank,)
    ).fetchone()
    return count


def _place(connection: Connection, rank: Rank, number: int, position: int) -> None:
    query = "SELECT number, place FROM jobs WHERE state = 'queued' AND priority = ? ORDER BY place"
    rows = connection.execute(query, (rank,)).fetchall()
    order = [row["number"] for row in rows if row["number"] != number]
    order.insert(position, number)
    _give_places(connection, zip((row["place"] for row in rows), order, strict=True))
    connection.execute("UPDATE jobs SET moved = 1 WHERE number = ?", (number,))


def _give_places(connection: Connection, places: Iterable[tuple[float, int]]) -> None:
    connection.executemany("UPDATE jobs SET place = ? WHERE number = ?", places)
