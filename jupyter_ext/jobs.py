"""Jobs of a notebook: queued, watched from one worker thread, awaited, waited for, cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sd_core.errors import SDError
from sd_core.requests import Request
from sd_core.results import Result

from .main_thread import MainThread

if TYPE_CHECKING:
    from sd_core.jobs import Job


class StudioJob:
    """A request on its way. `await job` and `job.wait()` give the result; `job.cancel()` stops it before its next step."""

    def __init__(
        self, job_id: str, request: Request, main_thread: MainThread, output: Path | None = None, resume: bool = False
    ) -> None:
        self.id = job_id
        self.request = request
        self.output = output
        self.resume = resume
        self._main_thread = main_thread
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
            ended = self._main_thread.wait_until(lambda: self.done, timeout)
        except KeyboardInterrupt:
            self.cancel()
            ended = self._main_thread.wait_until(lambda: self.done, timeout)
        if not ended:
            raise TimeoutError(f"job {self.id} has not ended after {timeout} s")
        return self._result()

    def __await__(self) -> Generator[Any, None, Result]:
        """Give the result when it is there, leaving the kernel free for its widgets; an interrupt cancels the job."""
        return self._await_result().__await__()

    async def _await_result(self) -> Result:
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

    @property
    def engine_job(self) -> Job | None:
        """The job of the engine, once there is one."""
        return self._engine_job

    def attach_engine_job(self, engine_job: Job) -> None:
        """Tell which job of the engine this is; used by the runner alone."""
        with self._lock:
            self._engine_job = engine_job
            late = self._cancelled
        if late:
            engine_job.cancel()

    def set_outcome(self, outcome: Result | SDError) -> None:
        """Give the job its outcome; used by the runner alone."""
        with self._lock:
            self._outcome = outcome
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
        self._main_thread.post(_wake_waiter)

    def _result(self) -> Result:
        if isinstance(self._outcome, SDError):
            raise self._outcome
        assert self._outcome is not None, "asked for after the end"
        return self._outcome


def _wake_waiter() -> None:
    """Wakes whoever waits at home."""
