"""The end of the process that started this one."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""


def die_with_parent() -> None:
    """Have Linux kill this process with the thread that started it, also while native code keeps it from hearing anything.

    Elsewhere, and where the parent has ended before, the end of standard input says so, once Python has its turn.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
