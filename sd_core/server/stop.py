"""What makes a server stop: a signal, or the end of its parent. Imports little, as it must listen before all else begins."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Those of them that the system has; SIGBREAK is Windows' Ctrl-Break."""

_INPUT = 0


class Stop:
    """Whether the server shall stop. Asked for once or ten times, it stops in the same orderly way.

    signal: which one asked first; None where the parent has ended.
    """

    def __init__(self) -> None:
        self.requested = False
        self.signal: signal.Signals | None = None

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to signals; once one has come, also afterwards, so that a second Ctrl-C does not break off the end."""
        before = {number: signal.signal(number, self._on_signal) for number in _signals()}
        try:
            yield
        finally:
            for number, handler in before.items() if not self.requested else ():
                signal.signal(number, handler)

    def with_parent(self) -> None:
        """Stop when standard input is closed, which happens however the parent ends."""
        threading.Thread(target=self._read_input, name="sd_core-parent", daemon=True).start()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.requested:
            self.signal = signal.Signals(number)
            self.requested = True

    def _read_input(self) -> None:
        # Not `sys.stdin`: a thread that waits in it keeps its lock, and Python aborts when it wants that at the end.
        try:
            while os.read(_INPUT, 1024):
                pass
        except OSError:  # closed already
            pass
        self.requested = True


def _signals() -> Iterator[signal.Signals]:
    for name in _NAMES:
        number = getattr(signal, name, None)
        # `nohup` has the terminal's end ignored.
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            yield number
