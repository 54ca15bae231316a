"""The JSON bodies, as the OpenAPI page shows them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from .records import JobState, JobSummary, Priority

JobId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9]{1,8}$")]


_DEEPEST = 64
"""Levels of lists and objects; no request has half as many, and what walks through all of them may recurse."""


def _shallow(data: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [data]
    for _ in range(_DEEPEST):
        parents = (value.values() if isinstance(value, dict) else value for value in level)
        level = [value for parent in parents for value in parent if isinstance(value, (dict, list))]
        if not level:
            return data
    raise ValueError("is nested too deeply")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JobSubmission(_Body):
    """A job; sent again with the same id, it is not run again."""

    id: JobId
    priority: Priority = Priority.INTERACTIVE
    request: Annotated[
        dict[str, Any],
        AfterValidator(_shallow),
        Field(description='as `request.to_json()` gives it: `{"type": "TextToImage", ...}`'),
    ]
    attachments: Annotated[
        dict[FileName, Digest],
        Field(max_length=20_000, description="files that the request names as `attachment:<name>`"),
    ] = {}


class JobChange(_Body):
    """A new place or priority of a waiting job."""

    position: Annotated[int | None, Field(strict=True, ge=0, le=1_000_000, description="0: next of its priority")] = (
        None
    )
    priority: Priority | None = None


class JobView(BaseModel):
    """A job; times are seconds since 1970; `reason` says why it was set aside.

    `request` and, once it has ended, `last_event` are there when asked for alone.
    """

    id: str
    number: int
    state: JobState
    priority: Priority
    owner: str
    type: str
    model: str | None
    runs: int
    device: str | None
    submitted: float
    started: float | None
    ended: float | None
    frames: int
    deaths: int
    reason: str
    damaged: bool
    request: dict[str, Any] | None = None
    last_event: dict[str, Any] | None = None


class JobList(BaseModel):
    """Some of the jobs. Give `next` as `after` for more."""

    jobs: list[JobView]
    next: int | None = None


class DeviceView(BaseModel):
    """One engine process; `memory` has total and free bytes; `problem` says why it is not ready."""

    device: str
    ready: bool
    pid: int | None
    memory: dict[str, int] | None
    job: str | None
    problem: str


class Health(BaseModel):
    """How the server fares: `status` is "unable" where no job can run.

    held: waiting jobs are not started. set_aside: failed jobs that no engine will be given again unless they are resumed, each
    with a `reason`. problems: what is wrong, in sentences. identity, quotas: the caller's.
    """

    status: str
    version: str
    devices: list[DeviceView]
    queue: dict[JobState, int]
    blobs: dict[str, int]
    held: bool = False
    set_aside: int = 0
    problems: list[str] = []
    identity: str
    quotas: dict[str, dict[str, float | None]]


class ModelList(BaseModel):
    """The models known by name."""

    models: list[dict[str, Any]]


class LoraList(BaseModel):
    """The files of the LoRA folder, by the names that requests use."""

    loras: list[dict[str, Any]]


class Problem(BaseModel):
    """An error of `sd_core`, by class name, with its own fields besides message and hint."""

    model_config = ConfigDict(extra="allow")

    error: str
    message: str
    hint: str


def job_view(
    job: JobSummary, request: dict[str, Any] | None = None, last_event: dict[str, Any] | None = None
) -> JobView:
    """A job as clients see it."""
    return JobView(
        id=job.id,
        number=job.number,
        state=job.state,
        priority=job.priority,
        owner=job.owner,
        type=job.type,
        model=job.model,
        runs=job.runs,
        device=job.device,
        submitted=job.submitted,
        started=job.started,
        ended=job.ended,
        frames=job.frames,
        deaths=job.deaths,
        reason=job.reason,
        damaged=job.damaged,
        request=request,
        last_event=last_event,
    )
