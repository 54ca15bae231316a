"""What the journal knows about a job."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from ..requests import request_kinds
from .seals import seal_of


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
"""States that a job does not leave by itself."""

DAMAGED = "its row in the journal is damaged: a checksum does not match"


class Priority(StrEnum):
    """Somebody waits for an interactive job; batches fill the time between."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


class Rank(IntEnum):
    """`Priority` as the journal sorts it."""

    INTERACTIVE = 0
    BATCH = 1

    @property
    def priority(self) -> Priority:
        """The name of this rank."""
        return Priority[self.name]

    @classmethod
    def of(cls, priority: Priority) -> Rank:
        """The rank of a priority."""
        return cls[priority.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job that has been checked, before it is written down.

    request: JSON. attachments: digest by name. blobs: every digest that must stay until the job has ended. model: what jobs
    are grouped by; None where no model is used. owner: who submits it. bytes: of its blobs. work: pixels times steps.
    """

    id: str
    priority: Priority
    request: str
    attachments: Mapping[str, str]
    blobs: frozenset[str]
    model: str | None
    owner: str = ""
    bytes: int = 0
    work: float = 0.0

    @property
    def type(self) -> str:
        """Name of the request's class."""
        return str(json.loads(self.request)["type"])


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSummary:
    """What a list of jobs shows of each; times are seconds since 1970.

    number: in order of arrival. type: of the request. runs: how often it was started. frames: finished ones, or views.
    deaths: engines that died while running it since it last finished a frame; died_at: how many frames there were then;
    died_on: the dispatcher of the last one. interruptions, interrupted_at: the same for servers that ended without a word.
    failures: how often the server itself failed at it. reason: why it was set aside. damaged: its row cannot be trusted.
    """

    number: int
    id: str
    state: JobState
    priority: Priority
    model: str | None
    runs: int
    deaths: int
    died_at: int
    died_on: str | None
    interruptions: int
    interrupted_at: int
    failures: int
    frames: int
    device: str | None
    submitted: float
    started: float | None
    ended: float | None
    owner: str
    type: str
    bytes: int
    work: float
    reason: str
    damaged: bool = False

    @property
    def resumes(self) -> bool:
        """Whether an earlier run may have left finished frames."""
        return self.runs > 1

    @property
    def commits(self) -> bool:
        """Whether what it finishes is kept in a folder, from which it goes on."""
        return any(kind.commits and kind.request.__name__ == self.type for kind in request_kinds())


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord(JobSummary):
    """A job as written down, with its request (JSON) and its attachments (digest by name)."""

    request: str
    attachments: Mapping[str, str] = field(default_factory=dict)


_SUMMARY_FIELDS = tuple(name for name in JobSummary.__dataclass_fields__ if name != "damaged")
_SEALED = (*_SUMMARY_FIELDS, "place", "moved", "sealed")
SUMMARY_COLUMNS = ", ".join((*_SEALED, "seal"))
"""Everything but the texts of the request, which may be large."""

ALL_COLUMNS = f"{SUMMARY_COLUMNS}, request, attachments"


def sealed_text(number: int, job_id: str, request: str, attachments: str) -> int:
    """The checksum of what never changes of a job."""
    return seal_of((number, job_id, request, attachments))


def reseal(connection: sqlite3.Connection, number: int) -> None:
    """Write the checksum of a row again, after any change of it."""
    row = connection.execute(f"SELECT {SUMMARY_COLUMNS} FROM jobs WHERE number = ?", (number,)).fetchone()  # noqa: S608
    if row is not None:
        connection.execute("UPDATE jobs SET seal = ? WHERE number = ?", (_seal(row), number))


def summary_from_row(row: sqlite3.Row) -> JobSummary:
    """The job in the `SUMMARY_COLUMNS` of a row; a damaged one says so, as a failed job."""
    return JobSummary(**_summary_values(row))


def record_from_row(row: sqlite3.Row) -> JobRecord:
    """The job in `ALL_COLUMNS` of a row; where they are damaged it says so, and has an empty request."""
    values = _summary_values(row)
    if row["sealed"] != sealed_text(row["number"], row["id"], row["request"], row["attachments"]):
        return JobRecord(**values | {"damaged": True, "reason": row["reason"] or DAMAGED, "request": "{}"})
    return JobRecord(**values, request=row["request"], attachments=json.loads(row["attachments"]))


def _summary_values(row: sqlite3.Row) -> dict[str, Any]:
    if row["seal"] != _seal(row):
        return _damaged_values(row)
    values = {name: row[name] for name in _SUMMARY_FIELDS}
    return values | {"state": JobState(row["state"]), "priority": Rank(row["priority"]).priority}


def _damaged_values(row: sqlite3.Row) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(_SUMMARY_FIELDS, 0)
    nothing |= dict.fromkeys(("model", "died_on", "device", "started", "ended"))
    return nothing | {
        "number": row["number"], "id": str(row["id"]), "state": JobState.FAILED, "priority": Priority.BATCH,
        "submitted": 0.0, "work": 0.0, "owner": str(row["owner"]), "type": str(row["type"]), "reason": DAMAGED,
        "damaged": True,
    }  # fmt: skip


def _seal(row: sqlite3.Row) -> int:
    return seal_of(row[name] for name in _SEALED)
