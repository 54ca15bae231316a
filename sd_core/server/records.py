"""What the journal knows about a job."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
"""States that a job does not leave."""


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
    are grouped by; None where no model is used.
    """

    id: str
    priority: Priority
    request: str
    attachments: Mapping[str, str]
    blobs: frozenset[str]
    model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job as written down; times are seconds since 1970.

    number: in order of arrival. runs: how often it was started. deaths: how many engines died while running it.
    """

    number: int
    id: str
    state: JobState
    priority: Priority
    request: str
    attachments: Mapping[str, str]
    model: str | None
    runs: int
    deaths: int
    device: str | None
    submitted: float
    started: float | None
    ended: float | None

    @property
    def request_type(self) -> str:
        """Name of the request's class."""
        return str(json.loads(self.request)["type"])

    @property
    def resumes(self) -> bool:
        """Whether an earlier run may have left finished frames."""
        return self.runs > 1


def record_from_row(row: sqlite3.Row) -> JobRecord:
    """The job in a row of the table `jobs`."""
    values: dict[str, Any] = {name: row[name] for name in JobRecord.__dataclass_fields__}
    values["state"] = JobState(row["state"])
    values["priority"] = Rank(row["priority"]).priority
    values["attachments"] = json.loads(row["attachments"])
    return JobRecord(**values)
