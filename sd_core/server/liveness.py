"""Whether an engine process still lives: it may be gone, stopped, hung, or merely busy."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import psutil

from .settings import Deadlines

_TOLERANCE = 1.0
"""Seconds by which a look may be late on a busy machine; the shortest deadline is twice that."""


class SleepDetector:
    """Notices that the machine was suspended, or that this process was stopped: then nobody was silent, nobody listened."""

    def __init__(self, now: float | None = None, suspended: float | None = None) -> None:
        self._now = time.monotonic() if now is None else now
        self._suspended = _suspended_seconds() if suspended is None else suspended

    def has_slept(self, interval: float, now: float | None = None, suspended: float | None = None) -> bool:
        """Whether much more than `interval` seconds have passed since the last look."""
        before, now = self._now, time.monotonic() if now is None else now
        asleep, suspended = self._suspended, _suspended_seconds() if suspended is None else suspended
        self._now, self._suspended = now, suspended
        return (now - before) + (suspended - asleep) > interval + _TOLERANCE


def _suspended_seconds() -> float:
    """Seconds that this machine has spent suspended since it was started, as far as the system tells."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


@dataclass(slots=True)
class Liveness:
    """What is known of one engine process; `problem` judges it."""

    pid: int
    deadlines: Deadlines
    ready: bool = False
    loading: bool = False
    running: bool = False
    _last_message: float = field(default_factory=time.monotonic)
    _last_progress: float = field(default_factory=time.monotonic)
    _needs_cpu_baseline: bool = True
    _processor_time: float = 0.0

    def note_message(self) -> None:
        """A message has come."""
        self._last_message, self._needs_cpu_baseline = time.monotonic(), True

    def reset_deadlines(self) -> None:
        """Nothing could be seen for a while: all deadlines start again."""
        self._last_message = self._last_progress = time.monotonic()
        self._needs_cpu_baseline = True

    def note_progress(self, *, loading: bool = False, running: bool = True) -> None:
        """The job that runs has reported something; or one begins, or has ended."""
        self._last_progress = time.monotonic()
        self.loading, self.running = loading, running

    def problem(self) -> str | None:
        """Why the process counts as dead; None while it lives."""
        now = time.monotonic()
        silent, idle = now - self._last_message, now - self._last_progress
        if not self.ready:
            return _deadline_problem("start", silent, self.deadlines.start)
        limit = self.deadlines.load if self.loading else self.deadlines.step
        if self.running and idle > limit:
            return f"its job has reported nothing for {idle:.0f} s"
        if self._needs_cpu_baseline:
            self._needs_cpu_baseline, self._processor_time = False, self._used_seconds()
        if silent <= self.deadlines.silence:
            return None
        if self.loading:
            return _deadline_problem("load", silent, self.deadlines.load)
        return self._silence_problem(silent)

    def _silence_problem(self, silent: float) -> str | None:
        """One that computes may keep the interpreter to itself for a while; one that is stopped or stuck does not compute."""
        limit = self.deadlines.busy
        if self._used_seconds() <= self._processor_time:
            limit = self.deadlines.silence if self._is_stopped() else self.deadlines.stuck
        if silent > limit:
            return f"it has given no sign of life for {silent:.1f} s"
        return None

    def _is_stopped(self) -> bool:
        try:
            return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return True

    def _used_seconds(self) -> float:
        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.NoSuchProcess:
            return self._processor_time
        return times.user + times.system


def _deadline_problem(what: str, seconds: float, limit: float) -> str | None:
    return f"it did not {what} within {limit:.0f} s" if seconds > limit else None
