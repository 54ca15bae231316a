"""What becomes of jobs that were interrupted, moved, set aside, resumed or forgotten: functions of a journal's connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import EngineDied, ServerError
from .database import Connection
from .journal import finish, get, next_place
from .records import (
    DAMAGED,
    ENDED,
    SUMMARY_COLUMNS,
    JobRecord,
    JobState,
    JobSummary,
    Priority,
    Rank,
    reseal,
    summary_from_row,
)
from .stored_events import StoredEvent, add_event, event_id, last_event

_log = logging.getLogger(__name__)

DEATHS = 2
"""Engines that may die over a job, without a frame finished in between, before it is set aside."""

FAILURES = 3
"""Times that the server itself may fail at a job before it is set aside."""

_TO_THE_BACK = 2
_INTERRUPTIONS = 5
"""Servers that ended without a word while they ran a job, without a frame finished in between: after two it goes behind all
others, as it may take the machine down; after five it is set aside. They are killed for many reasons, engines for few."""


@dataclass(frozen=True, slots=True)
class InterruptedJobs:
    """Jobs that ran when the server ended: how many wait again, and which are to be set aside."""

    waiting: int
    to_set_aside: list[JobRecord]


def count_death(connection: Connection, job: JobSummary, dispatcher: str) -> bool:
    """Note that an engine died while it ran a job, and let that wait again; True where it is to be set aside instead.

    After two deaths on one device it may be the job or the device. The job goes behind the others: if one of those ends there,
    the job is to blame (`suspect_jobs`); if engines die over another one as well, the device is, and nobody's job fails for it.
    There is no doubt where the deaths were on two devices; and where no other job waits there is nothing to wait for.
    """
    now = get(connection, job.id)
    if now.state is not JobState.RUNNING:
        return False
    deaths = 1 if now.frames > now.died_at >= 0 else now.deaths + 1
    again = deaths >= DEATHS
    aside = again and (now.died_on not in (None, dispatcher) or _is_only_waiting_job(connection))
    if again and not aside and suspect_jobs(connection, dispatcher):
        _clear_deaths(connection, dispatcher)
        deaths = 0
    connection.execute(
        "UPDATE jobs SET deaths = ?, died_at = ?, died_on = ?, state = ? WHERE number = ?",
        (deaths, now.frames, dispatcher, JobState.RUNNING if aside else JobState.QUEUED, job.number),
    )
    if again:
        _move_to_back(connection, job.number)
    reseal(connection, job.number)
    return aside


def suspect_jobs(connection: Connection, dispatcher: str) -> list[JobRecord]:
    """Waiting jobs during which so many engines of a dispatcher have died that, once another job ends there, they are the cause."""
    query = "SELECT id FROM jobs WHERE state = 'queued' AND died_on = ? AND deaths >= ?"
    return [get(connection, row["id"]) for row in connection.execute(query, (dispatcher, DEATHS)).fetchall()]


def repeated_death_error(job: JobSummary) -> EngineDied:
    """Why a suspect is set aside."""
    return EngineDied(
        f"the engine died {job.deaths} times while it ran this job, as in the run before, and runs others well",
        hint=f"it may have run out of memory: use a smaller size; {resume_hint(job)}",
    )


def resume_hint(job: JobSummary) -> str:
    """What can be done with a job that was set aside."""
    return "it can be resumed from its finished frames" if job.commits else "it can be resumed"


def count_failure(connection: Connection, job: JobSummary) -> bool:
    """Note that the server failed at a job, and let that wait again; True where it is to be set aside instead."""
    aside = job.failures + 1 >= FAILURES
    connection.execute(
        "UPDATE jobs SET failures = failures + 1, state = ? WHERE number = ? AND state = 'running'",
        (JobState.RUNNING if aside else JobState.QUEUED, job.number),
    )
    reseal(connection, job.number)
    return aside


def requeue_orphan(connection: Connection, job: JobSummary) -> None:
    """Let a job wait again that no dispatcher runs any more; as a failure of the server, which may be the last."""
    if not count_failure(connection, job):
        return
    reason = f"the server failed at this job {FAILURES} times"
    error = ServerError(reason, status=500, hint="see the server's log; it can be resumed")
    last = StoredEvent(event_id(job.runs + 1, 0), {"kind": "failed", "error": error.to_dict()})
    finish(connection, get(connection, job.id), JobState.FAILED, last, reason)


def count_interruptions(connection: Connection) -> InterruptedJobs:
    """Deal with every job that ran when the server ended."""
    query = f"SELECT {SUMMARY_COLUMNS} FROM jobs WHERE state = 'running'"  # noqa: S608
    jobs = [summary_from_row(row) for row in connection.execute(query).fetchall()]
    aside = [get(connection, job.id) for job in jobs if _count_interruption(connection, job)]
    return InterruptedJobs(len(jobs) - len(aside), aside)


def requeue_all(connection: Connection) -> int:
    """Let every job wait again that runs, as the server is about to end; gives their number."""
    numbers = [
        row["number"] for row in connection.execute("SELECT number FROM jobs WHERE state = 'running'").fetchall()
    ]
    connection.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")
    for number in numbers:
        reseal(connection, number)
    return len(numbers)


def resume(connection: Connection, job_id: str) -> JobRecord:
    """Let a failed or cancelled job wait again, from what it had finished; its setbacks are forgotten.

    Raises:
        ServerError: 404; 409, it is in another state, or damaged.
    """
    job = get(connection, job_id)
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        raise ServerError(f"job {job_id} is {job.state}", status=409, hint="only failed and cancelled jobs are resumed")
    if job.damaged:
        raise ServerError(f"job {job_id}: {job.reason}", status=409, hint="forget it, then submit it again")
    last = last_event(connection, job.number)
    if last is not None:
        connection.execute("DELETE FROM events WHERE job = ? AND id = ?", (job.number, last.id))
    connection.execute(
        """
        UPDATE jobs SET state = 'queued', ended = NULL, reason = '', deaths = 0, died_at = -1, died_on = NULL,
        interruptions = 0, interrupted_at = -1, failures = 0, runs = max(runs, ?) WHERE number = ?
        """,
        # Ids of events keep growing, also past that of the end which is taken back.
        (0 if last is None else last.id >> 32, job.number),
    )
    _move_to_back(connection, job.number)
    reseal(connection, job.number)
    return get(connection, job_id)


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
    reseal(connection, job.number)
    return get(connection, job_id)


def repair(connection: Connection) -> list[str]:
    """Seal rows again whose checksum does not match: as their last event says, else as failed. Gives their ids."""
    query = f"SELECT {SUMMARY_COLUMNS} FROM jobs"  # noqa: S608
    damaged = [job for job in map(summary_from_row, connection.execute(query)) if job.damaged]
    if damaged:
        connection.execute("REINDEX")  # an index may have the sound value still
    for job in damaged:
        _repair(connection, job.number)
    return [job.id for job in damaged]


def forget(connection: Connection, jobs: Iterable[JobSummary]) -> tuple[list[str], list[str]]:
    """Delete jobs that have ended, with all that is written of them; one that waits again by now stays.

    Gives the ids of those that went, and the blobs that no other job names.
    """
    ids, blobs = list[str](), list[str]()
    for job in jobs:
        blobs += (own := blobs_only_of(connection, job))
        query = "DELETE FROM jobs WHERE number = ? AND state NOT IN ('queued', 'running')"
        if connection.execute(query, (job.number,)).rowcount:
            ids.append(job.id)
        elif own:
            del blobs[-len(own) :]
    return ids, blobs


def expired_jobs(connection: Connection, keep: int, before: float) -> list[JobSummary]:
    """The finished jobs but for the last `keep`, and those that ended before a time, in seconds since 1970."""
    query = f"""
        SELECT {SUMMARY_COLUMNS} FROM jobs WHERE state NOT IN ('queued', 'running') AND (ended < ? OR number <= coalesce(
            (SELECT number FROM jobs WHERE state NOT IN ('queued', 'running') ORDER BY number DESC LIMIT 1 OFFSET ?), -1))
    """  # noqa: S608
    return [summary_from_row(row) for row in connection.execute(query, (before, keep))]


def blobs_only_of(connection: Connection, job: JobSummary) -> list[str]:
    """The blobs that this job names, as input or as output, and no other."""
    query = """
        SELECT sha256 FROM (SELECT sha256 FROM outputs WHERE job = :job UNION SELECT sha256 FROM blobs WHERE job = :job) AS own
        WHERE NOT EXISTS (SELECT 1 FROM outputs WHERE sha256 = own.sha256 AND job != :job)
        AND NOT EXISTS (SELECT 1 FROM blobs WHERE sha256 = own.sha256 AND job != :job)
    """
    return [row["sha256"] for row in connection.execute(query, {"job": job.number})]


def jobs_with_folders(connection: Connection) -> frozenset[str]:
    """The ids of the jobs whose folders are kept, as they may go on from there."""
    query = f"SELECT {SUMMARY_COLUMNS} FROM jobs WHERE state != 'done'"  # noqa: S608
    return frozenset(job.id for job in map(summary_from_row, connection.execute(query)) if keeps_folder(job))


def known_ids(connection: Connection, ids: Iterable[str]) -> frozenset[str]:
    """Those of the ids that belong to jobs which the journal knows."""
    query = "SELECT id FROM jobs WHERE id = ?"
    return frozenset(job_id for job_id in ids if connection.execute(query, (job_id,)).fetchone() is not None)


def keeps_folder(job: JobSummary) -> bool:
    """Whether what a job has finished is still needed: until it is done, or forgotten."""
    return job.state not in ENDED or (job.state is not JobState.DONE and job.commits)


def _is_only_waiting_job(connection: Connection) -> bool:
    return connection.execute("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1").fetchone() is None


def _clear_deaths(connection: Connection, dispatcher: str) -> None:
    for job in suspect_jobs(connection, dispatcher):
        connection.execute("UPDATE jobs SET deaths = 0 WHERE number = ?", (job.number,))
        reseal(connection, job.number)


def _count_interruption(connection: Connection, job: JobSummary) -> bool:
    times = 1 if job.frames > job.interrupted_at >= 0 else job.interruptions + 1
    aside = times >= _INTERRUPTIONS
    connection.execute(
        "UPDATE jobs SET state = ?, interruptions = ?, interrupted_at = ? WHERE number = ?",
        (JobState.RUNNING if aside else JobState.QUEUED, times, job.frames, job.number),
    )
    if times >= _TO_THE_BACK:
        connection.execute("UPDATE jobs SET priority = ? WHERE number = ?", (Rank.BATCH, job.number))
        _move_to_back(connection, job.number)
    reseal(connection, job.number)
    return aside


def _move_to_back(connection: Connection, number: int) -> None:
    (rank,) = connection.execute("SELECT priority FROM jobs WHERE number = ?", (number,)).fetchone()
    place = next_place(connection, Rank(rank), number)
    connection.execute("UPDATE jobs SET place = ?, moved = 0 WHERE number = ?", (place, number))


def _repair(connection: Connection, number: int) -> None:
    last = last_event(connection, number)
    ended = {"result": JobState.DONE, "failed": JobState.FAILED, "cancelled": JobState.CANCELLED}
    state = ended.get(last.data["kind"]) if last is not None else None
    run = 0 if last is None else last.id >> 32
    connection.execute(
        """
        UPDATE jobs SET state = ?, priority = ?, place = number, moved = 0, model = NULL, runs = ?, deaths = 0,
        died_at = -1, died_on = NULL, interruptions = 0, interrupted_at = -1, failures = 0, device = NULL, started = NULL,
        frames = (SELECT count(*) FROM events WHERE job = number AND json_valid(data)
                  AND json_extract(data, '$.kind') = 'frame'),
        submitted = CAST(submitted AS REAL), ended = ?, bytes = 0, work = 0, reason = ? WHERE number = ?
        """,
        (state or JobState.FAILED, Rank.BATCH, run + 1, time.time(), DAMAGED, number),
    )
    if state is None:
        error = ServerError(DAMAGED, status=500, hint="submit it again, or resume it")
        add_event(connection, number, StoredEvent(event_id(run + 1, 0), {"kind": "failed", "error": error.to_dict()}))
    reseal(connection, number)
    _log.error("a job's row in the journal is damaged", extra={"number": number, "state": str(state or "failed")})


def _place(connection: Connection, rank: Rank, number: int, position: int) -> None:
    """Between its new neighbours; where floats leave no room there, all are renumbered."""
    query = "SELECT number, place FROM jobs WHERE state = 'queued' AND priority = ? AND number != ? ORDER BY place"
    others = connection.execute(query, (rank, number)).fetchall()
    places = [row["place"] for row in others]
    place = _between(places[:position], places[position:])
    if place is None:
        order = [row["number"] for row in others]
        order.insert(position, number)
        _renumber(connection, order)
    else:
        connection.execute("UPDATE jobs SET place = ? WHERE number = ?", (place, number))
    connection.execute("UPDATE jobs SET moved = 1 WHERE number = ?", (number,))


def _between(before: list[float], after: list[float]) -> float | None:
    if not before or not after:
        return before[-1] + 1.0 if before else after[0] - 1.0 if after else 0.0
    middle = (before[-1] + after[0]) / 2
    return middle if before[-1] < middle < after[0] else None


def _renumber(connection: Connection, order: list[int]) -> None:
    connection.executemany("UPDATE jobs SET place = ? WHERE number = ?", list(enumerate(order, 1)))
    for number in order:
        reseal(connection, number)
