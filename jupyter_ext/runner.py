"""The one thread of a studio in which its jobs are run."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from sd_core.backend import Backend
from sd_core.errors import Cancelled, EngineDied, SDError
from sd_core.events import CancelledEvent, Event, Failed
from sd_core.jobs import Job, outcome
from sd_core.requests import Request
from sd_core.results import Result

from .jobs import StudioJob
from .main_thread import MainThread
from .session import Session

_log = logging.getLogger(__name__)

EventListener = Callable[[StudioJob, Event], None]
"""Called in the worker's thread with each event, the last one before the job counts as done."""

Prepare = Callable[[Backend], None]
"""Called in the worker's thread once the engine is there."""


class Runner:
    """One thread that gives jobs to an engine, one after another, and follows their events."""

    def __init__(
        self, engine: Callable[[], Backend], on_event: EventListener, main_thread: MainThread, session: Session
    ) -> None:
        self._engine = engine
        self._session = session
        self._on_event = on_event
        self._main_thread = main_thread
        self._jobs: queue.Queue[StudioJob | Prepare | None] = queue.Queue()
        self._pending: list[StudioJob] = []
        self._worker: threading.Thread | None = None

    @property
    def unfinished_jobs(self) -> tuple[StudioJob, ...]:
        """The job that runs and those that wait, in order."""
        return tuple(self._pending)

    def submit(self, request: Request, output: Path | None = None, resume: bool = False) -> StudioJob:
        """Queue a request."""
        return self._enqueue(StudioJob(self._session.new_id(), request, self._main_thread, output, resume))

    def follow(self, engine_job: Job) -> StudioJob:
        """Queue a job that the engine has already, as if it had been submitted here; from any thread."""
        job = StudioJob(engine_job.id, engine_job.request, self._main_thread)
        job.attach_engine_job(engine_job)
        return self._enqueue(job)

    def prepare(self, prepare: Prepare) -> None:
        """Make the engine ready in the background, and call `prepare` with it in the worker's thread."""
        self._put(prepare)

    def cancel_all(self) -> None:
        """Stop what runs and what waits."""
        for job in reversed(self.unfinished_jobs):
            job.cancel()

    def close(self) -> None:
        """Stop everything and let the thread end."""
        self.cancel_all()
        self._jobs.put(None)

    def _enqueue(self, job: StudioJob) -> StudioJob:
        self._pending.append(job)
        self._put(job)
        return job

    def _put(self, task: StudioJob | Prepare) -> None:
        self._jobs.put(task)
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="jupyter_ext-runner", daemon=True)
            self._worker.start()

    def _prepare(self, prepare: Prepare) -> None:
        try:
            prepare(self._engine())
        except Exception:  # noqa: BLE001
            # The first job will trip over the same thing, and tell.
            _log.exception("the engine could not be made ready")

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not isinstance(job, StudioJob):
                self._prepare(job)
                continue
            try:
                outcome = self._run(job)
            except SDError as error:
                outcome = self._notify_end(job, Failed(error), error)
            except Exception as error:  # noqa: BLE001 - the queue outlives a defect; the job carries the reason
                _log.exception("job %s failed", job.id)
                died = EngineDied(f"{type(error).__name__}: {error}", hint="please report it")
                outcome = self._notify_end(job, Failed(died), died)
            self._pending.remove(job)
            job.set_outcome(outcome)

    def _run(self, job: StudioJob) -> Result | SDError:
        if job.cancel_requested:
            return self._notify_end(job, CancelledEvent(), Cancelled())
        engine_job = job.engine_job or self._submit_to_engine(job)
        for event in engine_job.events():
            self._notify(job, event)
            if (ended := outcome(event)) is not None:
                return ended
        raise SDError("the engine ended without a result", hint="please report it")

    def _submit_to_engine(self, job: StudioJob) -> Job:
        engine_job = self._engine().submit(job.request, job.output, job.resume, id=job.id)
        job.attach_engine_job(engine_job)
        return engine_job

    def _notify_end(self, job: StudioJob, event: Event, outcome: SDError) -> SDError:
        self._notify(job, event)
        return outcome

    def _notify(self, job: StudioJob, event: Event) -> None:
        try:
            self._on_event(job, event)
        except Exception:  # noqa: BLE001
            # Drawing must not stop the work; the result is still to come.
            _log.exception("an event could not be shown")
