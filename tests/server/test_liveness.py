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

from sd_core.server.liveness import Liveness, SleepDetector
from sd_core.server.settings import Deadlines
from tests.server.servers import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP")


@pytest.fixture
def idle() -> Iterator[int]:
    """A process that uses no processor time."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


def liveness_of(pid: int, silence: float, stuck: float) -> Liveness:
    held = Liveness(pid, Deadlines(silence=silence, stuck=stuck), ready=True)
    assert held.problem() is None
    return held


def test_one_that_gets_no_processor_time_lives(idle: int) -> None:
    watched = liveness_of(idle, 0.1, 3600)
    time.sleep(0.5)
    assert watched.problem() is None


def test_one_that_does_nothing_for_long_is_stuck(idle: int) -> None:
    watched = liveness_of(idle, 0.1, 0.3)
    assert wait_for(watched.problem) >= 0.2


def test_one_that_was_stopped_is_noticed_soon(idle: int) -> None:
    watched = liveness_of(idle, 0.1, 3600)
    os.kill(idle, signal.SIGSTOP)
    wait_for(lambda: psutil.Process(idle).status() == psutil.STATUS_STOPPED)
    wait_for(watched.problem, 30)


def test_a_look_that_comes_far_too_late_or_after_a_suspension_is_noticed() -> None:
    naps = SleepDetector(now=100.0, suspended=5.0)
    assert not naps.has_slept(0.5, now=100.6, suspended=5.0)
    assert not naps.has_slept(0.5, now=101.9, suspended=5.0)
    assert naps.has_slept(0.5, now=110.0, suspended=5.0)
    assert not naps.has_slept(0.5, now=110.5, suspended=5.0)
    assert naps.has_slept(0.5, now=111.0, suspended=125.0)


def test_after_a_sleep_every_deadline_begins_again(idle: int) -> None:
    watched = liveness_of(idle, 0.1, 0.2)
    time.sleep(0.5)
    watched.reset_deadlines()
    assert watched.problem() is None
    wait_for(watched.problem)
