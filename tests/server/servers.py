"""Real servers in temporary folders, and small requests for them. Everything stays on 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from sd_core.client import Client, ServerProcess, start_server
from sd_core.requests import Adjust, TextToImage

START = ("--device", "cpu", "--dtype", "float32")
PATIENCE = 600.0
"""Seconds after which a test gives up on what hangs; a machine that has much else to do is slow, but not wrong."""

ENVIRONMENT: dict[str, str] = {}
"""Nothing: sums over another number of threads round otherwise, so the engine gets as many as this process has."""


@contextlib.contextmanager
def running(home: Path, *arguments: str) -> Iterator[tuple[ServerProcess, Client]]:
    """A server in `home`, and a client of it; both are gone at the end."""
    server = start_server(arguments=(*START, *arguments), home=home, environment=ENVIRONMENT, timeout=PATIENCE)
    try:
        with server.connect() as client:
            yield server, client
    finally:
        server.stop()


def adjust(seed: int = 0, side: int = 16) -> Adjust:
    """A job of well under a millisecond; each seed is another one."""
    picture = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Adjust(image=picture, exposure=0.5, saturation=1.2)


def long_adjust(seed: int = 0) -> Adjust:
    """A job of about a second."""
    return adjust(seed, side=2048)


def endless() -> TextToImage:
    """A job that runs until it is cancelled."""
    return TextToImage(
        prompt="red wall", width=64, height=64, num_inference_steps=900, num_images=100, scheduler="ddim", seed=1
    )


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Wait until `condition` holds; gives the seconds that took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "waited too long"
        time.sleep(0.01)
    return time.monotonic() - start


def engine_pid(client: Client, *, other_than: int | None = None) -> int:
    """Process id of the only engine, once it takes jobs, and once it is a new one."""

    def ready() -> bool:
        device = client.health()["devices"][0]
        return device["ready"] and device["pid"] != other_than

    wait_for(ready, PATIENCE)
    return client.health()["devices"][0]["pid"]


def state_of(client: Client, job_id: str) -> str:
    """State of a job."""
    return next(job["state"] for job in client.jobs() if job["id"] == job_id)


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether the process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    """What the journal of a stopped or running server holds."""
    with contextlib.closing(sqlite3.connect(f"file:{home / 'journal.sqlite3'}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
