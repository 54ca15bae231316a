# SPDX-License-Identifier: GPL-3.0-or-later
"""One job as panels see it, and what its events change."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sd_core.client import RemoteJob
from sd_core.errors import Cancelled, EngineDied, SDError, ServerError
from sd_core.events import CancelledEvent, Event, Failed, FrameEvent, Loading, Queued, ResultEvent, StepEvent
from sd_core.jobs import outcome
from sd_core.requests import Request
from sd_core.results import Result

from .editors import ImageEditorRef

_log = logging.getLogger(__name__)


class JobStage(StrEnum):
    """How far a job is."""

    PREPARING = "preparing"
    QUEUED = "queued"
    LOADING = "loading"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


SteppedCallback = Generator[None, None, str | None]
"""A callback in parts; it ends with the name of an undo step."""

FINAL_STAGES = frozenset({JobStage.DONE, JobStage.FAILED, JobStage.CANCELLED})


@dataclass(frozen=True, slots=True)
class Message:
    """What goes on before there is a request."""

    message: str
    progress: float | None


@dataclass(frozen=True, slots=True)
class WarningMessage:
    """What the user should know of a result that there is nevertheless."""

    message: str


@dataclass(frozen=True, slots=True)
class JobCallbacks:
    """What to call on the main thread; each is called with the job first.

    on_step: `(job, StepEvent)`. on_frame: `(job, FrameEvent, converted)`. on_result: `(job, Result, converted)`; the name of
    an undo step may be given back. It may be a generator that yields between parts of a few milliseconds each: between two
    parts the window is drawn, and a datablock may be undone. on_end: `(job,)`, after all others, also after a failure or a
    cancellation.
    """

    on_step: Callable[[BlenderJob, StepEvent], None] | None = None
    on_frame: Callable[[BlenderJob, FrameEvent, Any], None] | None = None
    on_result: Callable[[BlenderJob, Result, Any], str | SteppedCallback | None] | None = None
    on_end: Callable[[BlenderJob], None] | None = None


@dataclass(slots=True, eq=False)
class BlenderJob:
    """A job as panels see it; changed by the main thread alone, but for what is marked.

    label: for people. inbox: takes `(job, event, converted)` from any thread. file_number: number of the open file when it was
    submitted. progress: done, in [0, 1]. message: what goes on. preview: newest (h, w, 3) uint8. editor: over whose image the
    preview is drawn; None: over none. error: of a failed one. warnings: what the user should know of the result.
    remaining_callback: what is left of `on_result`. begin: starts the job's thread. request: as it was sent first; made by
    that thread. has_asked_permission: whether the user was asked to allow what it names.
    """

    label: str
    inbox: Callable[[tuple[BlenderJob, Event | Message | WarningMessage, Any]], None]
    callbacks: JobCallbacks
    file_number: int
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    stage: JobStage = JobStage.PREPARING
    progress: float = 0.0
    seconds_left: float | None = None
    message: str = ""
    preview: Any = None
    editor: ImageEditorRef | None = None
    error: SDError | None = None
    warnings: list[str] = field(default_factory=list)
    remaining_callback: SteppedCallback | None = None
    begin: Callable[[], None] = lambda: None
    request: Request | None = None
    has_asked_permission: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _remote: RemoteJob | None = None
    _cancelling: threading.Thread | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.stage in FINAL_STAGES

    @property
    def has_lost_server(self) -> bool:
        """Whether it failed because the server was gone; the server may still know it."""
        gone = isinstance(self.error, EngineDied) or (isinstance(self.error, ServerError) and self.error.status == 0)
        return self.stage is JobStage.FAILED and gone

    def reset(self) -> None:
        """As if it had just been submitted, but for the request.

        The id stays, by which the server knows the job; but one whose engines have died has ended there for good.
        """
        if isinstance(self.error, EngineDied):
            self.id = uuid.uuid4().hex
        self.stage, self.error, self.message, self.progress, self._remote = JobStage.PREPARING, None, "", 0.0, None
        self._stop.clear()

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked the job to stop; safe to ask from any thread."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Stop the job soon; returns at once, on any thread."""
        self._stop.set()
        if self._remote is not None:
            self._cancelling = threading.Thread(target=_cancel_remote, args=(self._remote,), daemon=True)
            self._cancelling.start()

    def wait_for_cancel(self, timeout: float) -> None:
        """Wait until the server has heard of `cancel`, for `timeout` seconds at most."""
        if self._cancelling is not None:
            self._cancelling.join(timeout)

    def report_progress(self, message: str, progress: float | None = None) -> None:
        """Say what goes on before the request is there; for the job's thread.

        Raises:
            Cancelled: somebody asked the job to stop.
        """
        if self.cancel_requested:
            raise Cancelled
        self.inbox((self, Message(message, progress), None))

    def warn_omitted(self, what: str) -> None:
        """Warn of a part of the scene that its picture lacks, because it would run code; for the job's thread."""
        self.inbox((self, WarningMessage(f"{what} is not rendered, because scripts of this file may not run"), None))

    def attach_remote(self, remote: RemoteJob) -> None:
        """The job is on the server now; for the job's thread."""
        self._remote = remote
        if self.cancel_requested:
            remote.cancel()

    def apply(self, event: Event | Message | WarningMessage, converted: Any, callbacks: JobCallbacks) -> str | None:
        """Take over what an event says and call who wants to know; gives the name of an undo step."""
        match event:
            case Message():
                self.message, self.progress = event.message, self.progress if event.progress is None else event.progress
            case WarningMessage():
                self.warnings.append(event.message)
                _log.warning("%s: %s", self.label, event.message)
            case Queued():
                self.stage, self.message = (
                    JobStage.QUEUED,
                    f"{event.position} jobs before this one" if event.position else "",
                )
            case Loading():
                self.stage, self.message = JobStage.LOADING, event.message
            case StepEvent():
                self._apply_step(event, callbacks)
            case FrameEvent() if callbacks.on_frame is not None:
                callbacks.on_frame(self, event, converted)
            case ResultEvent() | Failed() | CancelledEvent():
                return self._apply_outcome(event, converted, callbacks)
        return None

    def advance(self) -> str | None:
        """Run the next part of `on_result`; gives the name of an undo step after the last one."""
        assert self.remaining_callback is not None
        try:
            next(self.remaining_callback)
        except StopIteration as stop:
            self.end(JobStage.DONE)
            return stop.value
        return None

    def end(self, stage: JobStage, error: SDError | None = None) -> None:
        """Nothing more will come."""
        self.stage, self.error, self.seconds_left, self.remaining_callback = stage, error, None, None
        self.progress = 1.0 if stage is JobStage.DONE else self.progress
        if self.callbacks.on_end is not None:
            self.callbacks.on_end(self)

    def _apply_step(self, event: StepEvent, callbacks: JobCallbacks) -> None:
        self.stage, self.message = JobStage.RUNNING, ""
        self.progress, self.seconds_left = (event.index + 1) / max(event.count, 1), event.seconds_left
        if event.preview is not None:
            self.preview = event.preview
        if callbacks.on_step is not None:
            callbacks.on_step(self, event)

    def _apply_outcome(
        self, event: ResultEvent | Failed | CancelledEvent, converted: Any, callbacks: JobCallbacks
    ) -> str | None:
        match outcome(event):
            case Result() as result:
                message = callbacks.on_result(self, result, converted) if callbacks.on_result is not None else None
                if isinstance(message, Generator):
                    self.remaining_callback = message
                    return None
                self.end(JobStage.DONE)
                return message
            case Cancelled() as cancelled:
                self.end(JobStage.CANCELLED, cancelled)
            case SDError() as error:
                self.end(JobStage.FAILED, error)
        return None


def _cancel_remote(remote: RemoteJob) -> None:
    try:
        remote.cancel()
    except SDError as error:
        _log.warning("the job cannot be cancelled: %s", error)
