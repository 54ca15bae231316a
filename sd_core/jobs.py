"""A job: one request on its way through an engine, in process or behind a server."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from .errors import Cancelled, SDError
from .events import LAST_KINDS, CancelledEvent, Event, Failed, ResultEvent, StepEvent
from .requests import Request
from .results import Result


class ProcessGuard:
    """The process that made something which needs its threads: after a fork these are gone, their locks perhaps locked for ever."""

    def __init__(self, what: str, hint: str) -> None:
        self._process = os.getpid()
        self._what = what
        self._hint = hint

    def is_current_process(self) -> bool:
        """Whether this is that process."""
        return os.getpid() == self._process

    def check(self) -> None:
        """Refuse a forked child, before it waits for a lock.

        Raises:
            SDError: this is another process.
        """
        if not self.is_current_process():
            raise SDError(
                f"{self._what} was made before this process was forked (by process {self._process}), and works only there",
                hint=self._hint,
            )


class Job:
    """A handle on a submitted request; safe to use from any thread of the process that made it.

    `id` is unique, made here unless given; `output`, `resume` and `overwrite` matter to requests that commit frames or
    views. In place of the request what fetches it may be given.
    """

    def __init__(
        self,
        request: Request | Callable[[], Request],
        output: Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        self.id = id or uuid.uuid4().hex
        self._request = request
        self.output = output
        self.resume = resume
        self.overwrite = overwrite
        self._process_guard = ProcessGuard("this job", "submit it in the child, to an engine or client made there")
        self._events: list[Event] = []
        self._changed = threading.Condition()
        self._cancel = threading.Event()
        self._started = False
        self._newest_step: int | None = None

    @property
    def request(self) -> Request:
        """As submitted. That of a job which was found again on a server is fetched when it is first asked for.

        Raises:
            ServerError: no answer, or the server has its arrays no more (status 404).
        """
        if not isinstance(self._request, Request):
            self._request = self._request()
        return self._request

    @property
    def done(self) -> bool:
        """Whether the job has ended: with a result, an error or a cancellation.

        Raises:
            SDError: the job was submitted by the process that this one was forked from; also by `cancel`, `events`, `result`.
        """
        self._process_guard.check()
        with self._changed:
            return self._has_ended()

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked the job to stop."""
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Stop the job: at once if it waits, before its next step if it runs. Has no effect on one that has ended."""
        self._process_guard.check()
        self._cancel.set()
        with self._changed:
            if self._events and not self._started:
                self._append(CancelledEvent())

    def start(self) -> bool:
        """Whether the job is still wanted; from now on it counts as running. Used by the engine alone."""
        with self._changed:
            self._started = not self._has_ended()
            return self._started

    def events(self) -> Iterator[Event]:
        """Every event from the first to the last, waiting for those still to come.

        Each call starts from the first event. Previews are kept for the newest step only: a late reader finds None in earlier ones.
        """
        self._process_guard.check()
        return self._follow()

    def _follow(self) -> Iterator[Event]:
        index = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda seen=index: len(self._events) > seen)
                event = self._events[index]
            yield event
            if event.kind in LAST_KINDS:
                return
            index += 1

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the result.

        Args:
            timeout: seconds; None waits for ever.

        Raises:
            SDError: the job failed, with the reason; `Cancelled` if it was cancelled.
            TimeoutError: it has not ended after `timeout` seconds; it goes on.
        """
        self._process_guard.check()
        with self._changed:
            if not self._changed.wait_for(self._has_ended, timeout):
                raise TimeoutError(f"job {self.id} has not ended after {timeout} s")
            last = self._events[-1]
        ended = outcome(last)
        assert ended is not None, "nothing else ends a job"
        if isinstance(ended, SDError):
            raise ended
        return ended

    def report(self, event: Event) -> None:
        """Append an event; used by the engine alone."""
        with self._changed:
            self._append(event)

    def fail(self, error: SDError, warnings: tuple[str, ...] = ()) -> None:
        """End the job with `error`; used by the engine alone."""
        self.report(CancelledEvent(warnings) if isinstance(error, Cancelled) else Failed(error, warnings))

    def _append(self, event: Event) -> None:
        if self._has_ended():
            return
        if isinstance(event, StepEvent):
            self._drop_preview()
            self._newest_step = len(self._events)
        self._events.append(event)
        self._changed.notify_all()

    def _drop_preview(self) -> None:
        """Of the newest step so far, whatever came after it: an animation has other events between its steps."""
        if self._newest_step is None:
            return
        newest = self._events[self._newest_step]
        assert isinstance(newest, StepEvent), "its place is kept when it is appended"
        self._events[self._newest_step] = replace(newest, preview=None)

    def _has_ended(self) -> bool:
        return bool(self._events) and self._events[-1].kind in LAST_KINDS


def outcome(event: Event) -> Result | SDError | None:
    """What a job ends with by its last event: its result, or what it raises, with its warnings; None: it goes on."""
    match event:
        case ResultEvent(result=result):
            return result
        case Failed(error=error, warnings=warnings):
            error.warnings = warnings
            return error
        case CancelledEvent(warnings=warnings):
            cancelled = Cancelled()
            cancelled.warnings = warnings
            return cancelled
        case _:
            return None
