"""A process that waits for its turn is not taken for a dead one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from sd_core.server.settings import Deadlines
from sd_core.server.vitals import Vitals
from tests.server.servers import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP")


@pytest.fixture
def idle() -> Iterator[int]:
    """A process that uses no processor time."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


def vitals(pid: int, silence: float, stuck: float) -> Vitals:
    held = Vitals(pid, Deadlines(silence=silence, stuck=stuck), ready=True)
    assert held.problem() is None
    return held


def test_one_that_gets_no_processor_time_lives(idle: int) -> None:
    watched = vitals(idle, 0.1, 3600)
    time.sleep(0.5)
    assert watched.problem() is None


def test_one_that_does_nothing_for_long_is_stuck(idle: int) -> None:
    watched = vitals(idle, 0.1, 0.3)
    assert wait_for(watched.problem) >= 0.2


def test_one_that_was_stopped_is_noticed_soon(idle: int) -> None:
    watched = vitals(idle, 0.1, 3600)
    os.kill(idle, signal.SIGSTOP)
    wait_for(lambda: psutil.Process(idle).status() == psutil.STATUS_STOPPED)
    wait_for(watched.problem, 30)
