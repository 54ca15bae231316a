"""Every job gets its own picture, whatever fails while the server handles what the engine tells."""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sd_core.errors import OutputError
from sd_core.requests import TextToImage
from sd_core.server import backoff, job_run
from sd_core.server.blobs import BlobStore
from sd_core.server.database import Database
from sd_core.server.event_feed import Feed
from sd_core.server.records import JobState
from sd_core.server.service import Service
from sd_core.values import npy_bytes
from tests.server.fake_engine import picture
from tests.server.fakes import ended, image_of, serving, submit, until, use_fake_engines
from tests.server.servers import rows

JOBS = 50


class Trouble:
    """Makes a function fail at random, while it is switched on."""

    def __init__(self, seed: int, share: float) -> None:
        self.active = False
        self.failures = 0
        self._share = share
        self._chance = random.Random(seed)  # noqa: S311 - repeatable

    def strike(self) -> None:
        if self.active and self._chance.random() < self._share:
            self.failures += 1
            raise self._chance.choice(
                [
                    OSError(errno.EMFILE, "Too many open files"),
                    OutputError("blobs", "has no room", hint="free some"),
                    ValueError("bad"),
                ]
            )

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def troubled(*arguments: Any, **named: Any) -> Any:
            self.strike()
            return function(*arguments, **named)

        return troubled

    def before_async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def troubled(*arguments: Any, **named: Any) -> Any:
            self.strike()
            return await function(*arguments, **named)

        return troubled

    def after(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def troubled(*arguments: Any, **named: Any) -> Any:
            value = function(*arguments, **named)
            self.strike()
            return value

        return troubled


def inject(monkeypatch: pytest.MonkeyPatch, trouble: Trouble) -> None:
    """At every point where the server handles a message, or gives an order."""
    monkeypatch.setattr(BlobStore, "put", trouble.before(BlobStore.put))
    monkeypatch.setattr(Feed, "publish", trouble.after(Feed.publish))
    monkeypatch.setattr(job_run, "make_order", trouble.before(job_run.make_order))
    monkeypatch.setattr(job_run.JobRun, "_record", trouble.before_async(job_run.JobRun._record))
    monkeypatch.setattr(Database, "run", trouble.before_async(Database.run))


REAL = [TextToImage(prompt="red wall", width=64, height=64, num_inference_steps=2, seed=seed) for seed in range(8)]


@pytest.mark.slow
def test_a_real_engine_gives_each_job_its_own_picture_whatever_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "_FIRST", 0.001)
    monkeypatch.setattr(backoff, "_LONGEST", 0.01)
    trouble = Trouble(5, 0.08)

    async def run_all(service: Service, prefix: str) -> dict[int, bytes]:
        names = [(await submit(service, f"{prefix}{index}", request)).id for index, request in enumerate(REAL)]
        trouble.active = bool(prefix == "troubled")
        await until(lambda: is_idle(tmp_path))
        trouble.active = False
        jobs = await ended(service, *names)
        done = {index: job for index, job in enumerate(jobs) if job.state is JobState.DONE}
        return {index: await image_of(service, job) for index, job in done.items()}

    async def story() -> tuple[dict[int, bytes], ...]:
        async with serving(tmp_path, "cpu", dtype="float32") as service:
            before = await run_all(service, "before")
            inject(monkeypatch, trouble)
            return before, await run_all(service, "troubled"), await run_all(service, "after")

    before, troubled, after = asyncio.run(story())
    assert len(set(before.values())) == len(REAL) and trouble.failures >= 3
    assert before == after
    assert troubled.items() <= before.items() and troubled


def is_idle(home: Path) -> bool:
    """Whether no job waits or runs; asked of the file, as the server's own way to it fails."""
    return rows(home, "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')") == [(0,)]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_fifty_jobs_get_their_own_pictures_whatever_fails(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_fake_engines(monkeypatch, first_pause=0.001, longest_pause=0.01)
    trouble = Trouble(seed, 0.05)
    names = [f"job{number}" for number in range(JOBS)]

    async def story() -> list[JobState]:
        async with serving(tmp_path, "good", "good") as service:
            for name in names:
                await submit(service, name)
            inject(monkeypatch, trouble)
            trouble.active = True
            await until(lambda: is_idle(tmp_path))
            trouble.active = False
            jobs = await ended(service, *names)
            for job in jobs:
                if job.state is JobState.DONE:
                    assert await image_of(service, job) == npy_bytes(picture(job.id))
                else:
                    assert job.reason
            later = await ended(service, *[(await submit(service, f"later{n}")).id for n in range(5)])
            for job in later:
                assert await image_of(service, job) == npy_bytes(picture(job.id))
            return [job.state for job in jobs]

    outcome = asyncio.run(story())
    assert trouble.failures > 20
    assert set(outcome) <= {JobState.DONE, JobState.FAILED}
    assert outcome.count(JobState.DONE) > JOBS // 4
