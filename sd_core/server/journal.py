"""What is done to the journal: functions of a connection, each one transaction of `Database`."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..errors import ServerError
from .blob_references import ResultBlobs
from .database import Connection
from .records import (
    ALL_COLUMNS,
    SUMMARY_COLUMNS,
    JobRecord,
    JobState,
    JobSummary,
    NewJob,
    Rank,
    record_from_row,
    reseal,
    sealed_text,
    summary_from_row,
)
from .result_blob_rows import write_outputs, write_result_blobs
from .stored_events import StoredEvent, add_event, event_id

_ORDER = "ORDER BY priority, place, number"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the unfinished jobs of one owner take: their number, the bytes of their blobs, pixels times steps."""

    jobs: int
    bytes: int
    work: float


def add(connection: Connection, new: NewJob, limit: int) -> tuple[JobRecord, int | None]:
    """Write a job down, with its first event; a repeated one changes nothing.

    Returns:
        The job, and how many are before it; None where it was there already.

    Raises:
        ServerError: 409, the id belongs to another job; 429, `limit` jobs wait already, or its owner has more of them than are
            left to others.
    """
    if (known := job_of_same_id(connection, new.id, new.request, new.attachments, new.owner)) is not None:
        return known, None
    _require_place(connection, new.owner, limit)
    before = _count_before(connection, Rank.of(new.priority))
    number = _insert(connection, new)
    connection.executemany("INSERT INTO blobs VALUES (?, ?)", [(number, digest) for digest in new.blobs])
    add_event(connection, number, StoredEvent(event_id(0, 1), {"kind": "queued", "position": before}))
    return get(connection, new.id), before


def job_of_same_id(
    connection: Connection, job_id: str, request: str, attachments: Mapping[str, str], owner: str = ""
) -> JobRecord | None:
    """The job of this id, if there is one.

    Raises:
        ServerError: 409, it is another one, somebody else's, or can no longer be read.
    """
    known = _find(connection, job_id)
    if known is not None and known.owner != owner:
        raise ServerError(f"job {job_id} is another one", status=409, hint="choose another id")
    if known is not None and known.damaged:
        raise ServerError(f"job {job_id}: {known.reason}", status=409, hint="forget it, then submit it again")
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
        raise no_such_job(job_id)
    return job


def no_such_job(job_id: str) -> ServerError:
    """What is answered for a job that is not there, or not there for whoever asks."""
    return ServerError(f"there is no job {job_id}", status=404, hint="list them with GET /v1/jobs")


def list_jobs(
    connection: Connection, state: JobState | None, after: int, limit: int, owner: str | None = None
) -> list[JobSummary]:
    """At most `limit` jobs: those that wait in the order in which they will run, others by number.

    Those that come after the job with the number `after`; 0: from the first. With an `owner` only those that it has submitted.
    No request is read for that.

    Raises:
        ServerError: 409, the waiting jobs after one that is not there any more.
    """
    waiting = state is JobState.QUEUED
    # The state is no parameter, as a partial index is found by what the text of a query says.
    conditions = [f"state = '{state}'"] if state is not None else []
    conditions += [] if owner is None else ["owner = :owner"]
    named = {"owner": owner, "after": after, "limit": limit}
    if not waiting:
        conditions.append("number > :after")
    elif after:
        named |= _place_of(connection, after, owner)
        conditions.append("(priority, place, number) > (:priority, :place, :after)")
    order = _ORDER if waiting else "ORDER BY number"
    query = f"SELECT {SUMMARY_COLUMNS} FROM jobs WHERE {' AND '.join(conditions)} {order} LIMIT :limit"  # noqa: S608
    return [summary_from_row(row) for row in connection.execute(query, named)]


def usage(connection: Connection, owner: str) -> Usage:
    """What the unfinished jobs of an owner take together."""
    query = """
        SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(work), 0.0) FROM jobs
        WHERE owner = ? AND state IN ('queued', 'running')
    """
    return Usage(*connection.execute(query, (owner,)).fetchone())


def take(
    connection: Connection, device: str, loaded: str | None, *, group: bool, shunned_by: str | None = None
) -> JobRecord | None:
    """Start the next job on a device.

    Args:
        connection: of the journal.
        device: which one.
        loaded: the model that it holds.
        group: prefer a job of the same priority for that model, unless somebody has moved another one to the front.
        shunned_by: a dispatcher; jobs whose last engine died there are left to other dispatchers.
    """
    waits = "state = 'queued' AND died_on IS NOT ?" if shunned_by is not None else "state = 'queued' AND ? IS NULL"
    columns = "number, priority, model, moved"
    query = f"SELECT {columns} FROM jobs WHERE {waits} {_ORDER} LIMIT 1"  # noqa: S608
    first = connection.execute(query, (shunned_by,)).fetchone()
    if first is None:
        return None
    chosen = first
    if group and loaded is not None and first["model"] not in (None, loaded) and not first["moved"]:
        query = f"SELECT number FROM jobs WHERE {waits} AND priority = ? AND model = ? {_ORDER} LIMIT 1"  # noqa: S608
        chosen = connection.execute(query, (shunned_by, first["priority"], loaded)).fetchone() or first
    return _start(connection, chosen["number"], device)


def requeue(connection: Connection, job: JobSummary) -> None:
    """Let a job that was interrupted wait again, at its old place; nobody is to blame."""
    connection.execute("UPDATE jobs SET state = 'queued' WHERE number = ? AND state = 'running'", (job.number,))
    reseal(connection, job.number)


def finish(
    connection: Connection, job: JobRecord, state: JobState, last: StoredEvent, reason: str = ""
) -> ResultBlobs | None:
    """End a job with its last event; one that has ended already stays as it is. Gives what its result was made from."""
    cursor = connection.execute(
        "UPDATE jobs SET state = ?, ended = ?, reason = ? WHERE number = ? AND state IN ('queued', 'running')",
        (state, time.time(), reason, job.number),
    )
    if not cursor.rowcount:
        return None
    add_event(connection, job.number, last)
    write_outputs(connection, job.number, last.data)
    reseal(connection, job.number)
    return write_result_blobs(connection, job.number, json.loads(job.request), last.data)


def cancel_waiting(connection: Connection, job_id: str) -> tuple[JobRecord, StoredEvent | None]:
    """End a job if it waits; gives the job as it is then, and the event that this call has ended it with."""
    job = get(connection, job_id)
    if job.state is not JobState.QUEUED:
        return job, None
    last = StoredEvent(event_id(job.runs + 1, 0), {"kind": "cancelled"})
    finish(connection, job, JobState.CANCELLED, last)
    return get(connection, job_id), last


def add_frame(connection: Connection, number: int, event: StoredEvent) -> None:
    """Write a finished frame of a job down."""
    add_event(connection, number, event)
    write_outputs(connection, number, event.data)
    connection.execute("UPDATE jobs SET frames = frames + 1 WHERE number = ?", (number,))
    reseal(connection, number)


def next_place(connection: Connection, rank: Rank, number: int) -> float:
    """The place behind all others of a priority, for the job of this number."""
    query = "SELECT max(place) FROM jobs WHERE state = 'queued' AND priority = ? AND number != ?"
    (last,) = connection.execute(query, (rank, number)).fetchone()
    return float(number) if last is None else max(float(number), last + 1.0)


def needed_blobs(connection: Connection) -> Counter[str]:
    """How many unfinished jobs need each blob."""
    query = "SELECT sha256 FROM blobs JOIN jobs ON jobs.number = blobs.job WHERE state IN ('queued', 'running')"
    return Counter(row["sha256"] for row in connection.execute(query))


def outputs(connection: Connection) -> list[tuple[str, str]]:
    """The digest and the owner of each picture and array that jobs have made."""
    query = "SELECT DISTINCT sha256, owner FROM outputs JOIN jobs ON jobs.number = outputs.job"
    return [(row["sha256"], row["owner"]) for row in connection.execute(query)]


def blobs_of(connection: Connection, job: JobSummary) -> list[str]:
    """The blobs that a job needs."""
    return [row["sha256"] for row in connection.execute("SELECT sha256 FROM blobs WHERE job = ?", (job.number,))]


def count_states(connection: Connection, owner: str | None = None) -> dict[JobState, int]:
    """How many jobs there are in each state; with an `owner`, of those that it has submitted."""
    # Two queries, as each has an index that answers it without a look at the rows.
    whose = "" if owner is None else "WHERE owner = :owner"
    query = f"SELECT state, count(*) AS n FROM jobs {whose} GROUP BY state"  # noqa: S608
    found = {row["state"]: row["n"] for row in connection.execute(query, {"owner": owner})}
    return {state: found.get(state, 0) for state in JobState}


def count_set_aside(connection: Connection, owner: str | None = None) -> int:
    """How many jobs were set aside, with a reason, and not forgotten; with an `owner`, of its own."""
    whose = "" if owner is None else "AND owner = :owner"
    query = f"SELECT count(*) FROM jobs WHERE state = 'failed' AND reason != '' {whose}"  # noqa: S608
    return connection.execute(query, {"owner": owner}).fetchone()[0]


def set_queue_held(connection: Connection, is_held: bool) -> None:
    """Let waiting jobs wait until further notice, also over a new start; or let them run again."""
    connection.execute("UPDATE meta SET value = ? WHERE name = 'held'", (int(is_held),))


def is_queue_held(connection: Connection) -> bool:
    """Whether waiting jobs are held."""
    (value,) = connection.execute("SELECT value FROM meta WHERE name = 'held'").fetchone()
    return bool(value)


def _require_place(connection: Connection, owner: str, limit: int) -> None:
    """Each owner leaves as many places as it has to others, so that none takes the queue from them; the admin need not."""
    (waiting,) = connection.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
    if waiting >= limit:
        raise ServerError(f"{waiting} jobs wait already", status=429, hint="try again when some have ended")
    if owner:
        query = "SELECT count(*) FROM jobs WHERE state = 'queued' AND owner = ?"
        (own,) = connection.execute(query, (owner,)).fetchone()
        if own + 1 > limit - waiting - 1:
            message = f"{waiting} jobs wait already, {own} of them yours, and the rest of {limit} is for others"
            raise ServerError(message, status=429, hint="try again when some have ended")


def _insert(connection: Connection, new: NewJob) -> int:
    attachments = json.dumps(dict(new.attachments), sort_keys=True)
    columns = "id, priority, request, attachments, model, submitted, owner, type, bytes, work"
    cursor = connection.execute(
        f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            new.id, Rank.of(new.priority), new.request, attachments, new.model, time.time(), new.owner, new.type,
            new.bytes, new.work,
        ),
    )  # fmt: skip
    number = cursor.lastrowid
    assert number is not None
    sealed = sealed_text(number, new.id, new.request, attachments)
    place = next_place(connection, Rank.of(new.priority), number)
    connection.execute("UPDATE jobs SET place = ?, sealed = ? WHERE number = ?", (place, sealed, number))
    reseal(connection, number)
    return number


def _start(connection: Connection, number: int, device: str) -> JobRecord:
    """The job as it is then. One whose row is damaged is given as such: its changed row would be sealed as a sound one."""
    before = _record(connection, number)
    connection.execute(
        "UPDATE jobs SET state = 'running', runs = runs + 1, device = ?, started = ? WHERE number = ?",
        (device, time.time(), number),
    )
    reseal(connection, number)
    now = _record(connection, number)
    # Its own number of runs stays, as that is what the ids of its events are made of.
    return replace(before, runs=now.runs, state=now.state) if before.damaged else now


def _record(connection: Connection, number: int) -> JobRecord:
    row = connection.execute(f"SELECT {ALL_COLUMNS} FROM jobs WHERE number = ?", (number,)).fetchone()  # noqa: S608
    return record_from_row(row)


def _find(connection: Connection, job_id: str) -> JobRecord | None:
    row = connection.execute(f"SELECT {ALL_COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchone()  # noqa: S608
    return None if row is None else record_from_row(row)


def _place_of(connection: Connection, number: int, owner: str | None) -> dict[str, float]:
    """Where a job waits, or waited before it was started."""
    query = "SELECT priority, place FROM jobs WHERE number = :number AND (:owner IS NULL OR owner = :owner)"
    row = connection.execute(query, {"number": number, "owner": owner}).fetchone()
    if row is None:
        raise ServerError(
            f"there is no job number {number}", status=409, hint="list the waiting jobs from the first again"
        )
    return dict(row)


def _count_before(connection: Connection, rank: Rank) -> int:
    (running,) = connection.execute("SELECT count(*) FROM jobs WHERE state = 'running'").fetchone()
    query = "SELECT count(*) FROM jobs WHERE state = 'queued' AND priority <= ?"
    (waiting,) = connection.execute(query, (rank,)).fetchone()
    return running + waiting
