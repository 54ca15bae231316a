"""What the server says on standard error: never so much, nor so slowly taken, that it waits for it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable

_LINES = 1000
"""Kept for a reader that is slow; a terminal takes as many in a few milliseconds."""

_PATIENCE = 1.0
"""Seconds for the last lines where the server stops."""

_INTERVAL = 60.0
"""Seconds between two records of the same kind from libraries, which log what any client can cause as often as it likes."""

_KINDS = 256
"""Different records that are counted at a time."""


class Console(logging.Handler):
    """Writes in a thread of its own, as a pipe that nobody reads blocks; more than it can keep is left out, and counted."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._waiting: list[str] = []
        self._dropped_lines = 0
        self._changed = threading.Condition()
        self._is_writing = False
        # Not through `sys.stderr`: a thread that is blocked when the process ends would keep its lock.
        threading.Thread(target=self._serve, name="sd_core-console", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        with self._changed:
            if len(self._waiting) < _LINES:
                self._waiting.append(line)
                self._changed.notify_all()
            else:
                self._dropped_lines += 1

    def flush(self) -> None:
        """Wait until everything is written, but not for ever."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._is_writing, _PATIENCE)

    def _serve(self) -> None:
        while True:
            text = self._next()
            # Whoever has closed it wants to hear no more; the file has it all.
            with contextlib.suppress(OSError):
                _write_all(self._descriptor, text.encode("utf-8", "backslashreplace"))
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _next(self) -> str:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            lines, self._waiting, self._is_writing = self._waiting, [], True
            if self._dropped_lines:
                lines.append(f"WARNING: {self._dropped_lines} lines were left out here, as nobody read them")
                self._dropped_lines = 0
        return "".join(f"{line}\n" for line in lines)


class RateLimit(logging.Filter):
    """Lets records that are alike through once a minute, and says then how many there were in between."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._last_records: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        kind, now = _kind(record), self._clock()
        last, held_back = self._last_records.get(kind, (-_INTERVAL, 0))
        if now - last < _INTERVAL:
            self._last_records[kind] = last, held_back + 1
            return False
        if len(self._last_records) >= _KINDS:
            self._last_records.clear()
        self._last_records[kind] = now, 0
        if held_back:
            record.msg = f"{str(record.msg).strip()} (and {held_back} times more since the last such line)"
        return True


def _kind(record: logging.LogRecord) -> str:
    """Its first line, as the others have what differs each time, and where an exception was raised."""
    first = str(record.msg).strip().partition("\n")[0]
    error = record.exc_info[1] if record.exc_info else None
    trace = error.__traceback__ if error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return f"{first} {type(error).__name__} {place}"


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
