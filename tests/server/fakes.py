"""A service whose engines are fake ones: real processes, real pipes, real journal, no torch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sd_core.requests import Request, TextToImage
from sd_core.server import backoff
from sd_core.server.records import ENDED, JobRecord, JobState, Priority
from sd_core.server.service import Service
from sd_core.server.settings import ServerSettings
from sd_core.server.state import open_store
from sd_core.server.supervisor import EngineProcess
from sd_core.values import npy_bytes
from tests.server import fake_engine

PATIENCE = 120.0


def use_fake_engines(monkeypatch: pytest.MonkeyPatch, *, first_pause: float = 0.01, longest_pause: float = 0.1) -> None:
    """Start fake engines instead of real ones, and wait less after failures."""

    def command(engine: EngineProcess) -> list[str]:
        return [sys.executable, fake_engine.__file__, "--device", engine._requested_device]

    monkeypatch.setattr(EngineProcess, "_command", command)
    monkeypatch.setattr(backoff, "_FIRST", first_pause)
    monkeypatch.setattr(backoff, "_LONGEST", longest_pause)


@contextlib.asynccontextmanager
async def serving(home: Path, *devices: str, **settings: Any) -> AsyncIterator[Service]:
    """A service that runs; the journal is closed at the end."""
    (home / "logs").mkdir(exist_ok=True, parents=True)
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    store = open_store(ServerSettings(home=home, devices=devices or ("good",), environment=environment, **settings))
    service = Service(store)
    try:
        await service.start()
        yield service
    finally:
        await service.stop()
        store.database.close()


async def submit(service: Service, job_id: str, request: Request | None = None, prompt: str = "") -> JobRecord:
    """Submit a request, with its arrays."""
    request = request or TextToImage(prompt=prompt or job_id)
    service.store.blobs.put({digest: npy_bytes(array) for digest, array in request.arrays().items()})
    job, _ = await service.submit(job_id, Priority.INTERACTIVE, json.loads(request.to_json()), {})
    return job


async def until(condition: Callable[[], Any]) -> None:
    """Wait until it holds; a coroutine function is asked again and again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            outcome = condition()
            if await outcome if asyncio.iscoroutine(outcome) else outcome:
                return
            await asyncio.sleep(0.01)


async def ended(service: Service, *job_ids: str) -> list[JobRecord]:
    """The jobs, once all have ended."""
    jobs: list[JobRecord] = []
    for job_id in job_ids:
        await until(lambda job_id=job_id: _has_ended(service, job_id))
        jobs.append(await service.job(job_id))
    return jobs


async def _has_ended(service: Service, job_id: str) -> bool:
    return (await service.job(job_id)).state in ENDED


async def states(service: Service, *job_ids: str) -> list[JobState]:
    """How the jobs have ended."""
    return [job.state for job in await ended(service, *job_ids)]


async def image_of(service: Service, job: JobRecord) -> bytes:
    """The bytes of the picture that a job has ended with."""
    last = await service.result(job)
    assert last is not None
    path = await service.blob(last.data["result"]["images"][0]["blob"])
    return path.read_bytes()
