"""The jobs of an engine that wait, and the one that runs: every job that is accepted is either run or ended."""

from __future__ import annotations

import threading
from collections import deque

from sd_core.errors import SDError
from sd_core.events import Queued
from sd_core.jobs import Job


class JobQueue:
    """First come, first served, from any thread to one worker.

    One lock decides all: a job is put before the queue is closed, and then taken or cancelled with it, or refused.
    """

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._running: Job | None = None
        self._closed = False
        # Re-entrant: a signal's handler may close the engine while its own thread is in here.
        self._changed = threading.Condition(threading.RLock())

    @property
    def running(self) -> Job | None:
        """The job that was taken last, while it runs."""
        return self._running

    def put(self, job: Job) -> None:
        """Queue a job.

        Raises:
            SDError: the queue is closed.
        """
        with self._changed:
            if self._closed:
                raise SDError("this engine is closed", hint="make a new one: sd_core.Engine()")
            job.report(Queued(len(self._jobs)))
            self._jobs.append(job)
            if self._closed:  # by a signal's handler, since the line above
                self._jobs.clear()
                job.cancel()
            self._changed.notify_all()

    def take(self) -> Job | None:
        """The next job, which counts as running until the next call; waits for one. None: the queue is closed."""
        with self._changed:
            self._running = None
            self._changed.wait_for(lambda: self._jobs or self._closed)
            self._running = self._jobs.popleft() if self._jobs else None
            return self._running

    def close(self) -> None:
        """Let no more jobs in and cancel those that are there, the running one too; may be called again."""
        with self._changed:
            self._closed = True
            jobs = list(self._jobs)
            self._jobs.clear()
            if self._running is not None:
                jobs.append(self._running)
            for job in jobs:
                job.cancel()
            self._changed.notify_all()

    def fail(self, error: SDError) -> None:
        """Let no more jobs in and end those that are there with `error`: nobody is left to run them."""
        with self._changed:
            self._closed = True
            jobs = [*self._jobs, *([] if self._running is None else [self._running])]
            self._jobs.clear()
            for job in jobs:
                job.fail(error)
            self._changed.notify_all()
