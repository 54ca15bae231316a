"""Jobs of a notebook: queued, watched from one worker thread, awaited, waited for, cancelled."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import uuid
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sd_core.errors import Cancelled, EngineDied, SDError
from sd_core.events import CancelledEvent, Event, Failed, ResultEvent
from sd_core.requests import Request
from sd_core.results import Result

from .home import Home

if TYPE_CHECKING:
    from sd_core.client import Client
    from sd_core.engine import Engine
    from sd_core.jobs import Job

    AnyEngine: TypeAlias = Engine | Client

_log = logging.getLogger(__name__)


class StudioJob:
    """A request on its way. `await job` and `job.wait()` give the result; `job.cancel()` stops it before its next step."""

    def __init__(self, request: Request, home: Home, output: Path | None = None, resume: bool = False) -> None:
        self.id = uuid.uuid4().hex
        self.request = request
        self.output = output
        self.resume = resume
        self._home = home
        self._lock = threading.Lock()
        self._outcome: Result | SDError | None = None
        self._cancelled = False
        self._engine_job: Job | None = None
        self._callbacks: list[Callable[[], object]] = []

    @property
    def done(self) -> bool:
        """Whether it has ended: with a result, an error or a cancellation."""
        return self._outcome is not None

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._cancelled

    def cancel(self) -> None:
        """Stop it: at once if it waits, before its next step if it runs; from any thread."""
        with self._lock:
            self._cancelled = True
            running = self._engine_job
        if running is not None:
            running.cancel()

    def wait(self, timeout: float | None = None) -> Result:
        """Wait in this cell; interrupting the kernel (the stop button) cancels the job.

        Args:
            timeout: seconds without news; None waits for ever.

        Raises:
            SDError: the job failed, with the reason; `Cancelled` if it was cancelled or interrupted.
            TimeoutError: it has not ended in time; it goes on.
        """
        try:
            ended = self._home.wait_until(lambda: self.done, timeout)
        except KeyboardInterrupt:
            self.cancel()
            ended = self._home.wait_until(lambda: self.done, timeout)
        if not ended:
            raise TimeoutError(f"job {self.id} has not ended after {timeout} s")
        return self._result()

    def __await__(self) -> Generator[Any, None, Result]:
        """Give the result when it is there, leaving the kernel free for its widgets; an interrupt cancels the job."""
        return self._awaited().__await__()

    async def _awaited(self) -> Result:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.when_done(lambda: loop.call_soon_threadsafe(ended.set))
        try:
            await ended.wait()
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self._result()

    def when_done(self, callback: Callable[[], object]) -> None:
        """Have `callback` called once the job has ended, in the thread that ends it, or at once."""
        with self._lock:
            if self._outcome is None:
                self._callbacks.append(callback)
                return
        callback()

    def started(self, engine_job: Job) -> None:
        """Tell which job of the engine this is; used by the runner alone."""
        with self._lock:
            self._engine_job = engine_job
            late = self._cancelled
        if late:
            engine_job.cancel()

    def end(self, outcome: Result | SDError) -> None:
        """Give the job its outcome; used by the runner alone."""
        with self._lock:
            self._outcome = outcome
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
        self._home.post(_nothing)

    def _result(self) -> Result:
        if isinstance(self._outcome, SDError):
            raise self._outcome
        assert self._outcome is not None, "asked for after the end"
        return self._outcome


Watch = Callable[[StudioJob, Event], None]
"""Called in the worker's thread with each event, the last one before the job counts as done."""

Prepare: TypeAlias = "Callable[[AnyEngine], None]"
"""Called in the worker's thread once the engine is there."""


class Runner:
    """One thread that gives jobs to an engine, one after another, and follows their events."""

    def __init__(self, engine: Callable[[], AnyEngine], watch: Watch, home: Home) -> None:
        self._engine = engine
        self._watch = watch
        self._home = home
        self._jobs: queue.Queue[StudioJob | Prepare | None] = queue.Queue()
        self._pending: list[StudioJob] = []
        self._worker: threading.Thread | None = None

    @property
    def pending(self) -> tuple[StudioJob, ...]:
        """The job that runs and those that wait, in order."""
        return tuple(self._pending)

    def submit(self, request: Request, output: Path | None = None, resume: bool = False) -> StudioJob:
        """Queue a request."""
        job = StudioJob(request, self._home, output, resume)
        self._pending.append(job)
        self._put(job)
        return job

    def prepare(self, prepare: Prepare) -> None:
        """Make the engine ready in the background, and call `prepare` with it in the worker's thread."""
        self._put(prepare)

    def cancel_all(self) -> None:
        """Stop what runs and what waits."""
        for job in reversed(self.pending):
            job.cancel()

    def close(self) -> None:
        """Stop everything and let the thread end."""
        self.cancel_all()
        self._jobs.put(None)

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
                outcome = self._tell(job, Failed(error), error)
            except Exception as error:  # noqa: BLE001 - the queue outlives a defect; the job carries the reason
                _log.exception("job %s failed", job.id)
                died = EngineDied(f"{type(error).__name__}: {error}", hint="please report it")
                outcome = self._tell(job, Failed(died), died)
            self._pending.remove(job)
            job.end(outcome)

    def _run(self, job: StudioJob) -> Result | SDError:
        if job.cancel_requested:
            return self._tell(job, CancelledEvent(), Cancelled())
        engine_job = self._engine().submit(job.request, job.output, job.resume)
        job.started(engine_job)
        for event in engine_job.events():
            self._notify(job, event)
            match event:
                case ResultEvent(result=result):
                    return result
                case Failed(error=error):
                    return error
                case CancelledEvent():
                    return Cancelled()
                case _:
                    pass
        raise SDError("the engine ended without a result", hint="please report it")

    def _tell(self, job: StudioJob, event: Event, outcome: SDError) -> SDError:
        self._notify(job, event)
        return outcome

    def _notify(self, job: StudioJob, event: Event) -> None:
        try:
            self._watch(job, event)
        except Exception:  # noqa: BLE001
            # Drawing must not stop the work; the result is still to come.
            _log.exception("an event could not be shown")


def _nothing() -> None:
    """Wakes whoever waits at home."""
