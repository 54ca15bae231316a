"""What the server could not write lately, for whoever looks after it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

_REMEMBERED = 600.0
"""Seconds for which a failure is reported; monitors ask every few minutes at the latest."""

_LEAST_FREE = 32 * 1024**2
"""Bytes: four logs of full size, or some pictures; the journal takes more at once only in a long film."""


class Shortage:
    """A home without room, one that is gone, and the last request that failed for it."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._home = home
        self._clock = clock
        self._last = 0.0
        self._reason = ""

    def note(self, reason: str) -> None:
        """Something could not be written just now."""
        self._last, self._reason = self._clock(), reason

    @property
    def problems(self) -> list[str]:
        """In sentences; empty while all is well."""
        found = [self._room()]
        if self._reason and self._clock() - self._last < _REMEMBERED:
            at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self._last))
            found.append(f"something was refused at {at}, as it could not be written: {self._reason}")
        return [problem for problem in found if problem]

    def _room(self) -> str:
        try:
            free = shutil.disk_usage(self._home).free
        except OSError as error:
            return f"the home {self._home} cannot be used: {error.strerror or error}"
        if free >= _LEAST_FREE:
            return ""
        return f"the disk of {self._home} is full: {free // 1024**2} MiB are free"
