"""The service without engines: whatever is submitted waits."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from sd_core.server.app import make_app
from sd_core.server.records import JobState, Priority
from sd_core.server.service import Service
from sd_core.server.settings import Limits, ServerSettings
from sd_core.server.state import open_store, recover
from sd_core.values import npy_bytes
from tests.server.servers import adjust

REQUEST = adjust(1)
INPUT = next(iter(REQUEST.arrays()))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Its store has room for the input and for nothing else."""
    content = {digest: npy_bytes(array) for digest, array in REQUEST.arrays().items()}
    bound = sum(map(len, content.values()))
    store = open_store(ServerSettings(home=tmp_path, limits=Limits(store_bytes=bound)))
    store.blobs.put(content)
    yield Service(store)
    store.database.close()


async def submit(service: Service, *job_ids: str) -> list[bool]:
    """Submit the same request under each id; gives whether each was new."""
    body = json.loads(REQUEST.to_json())
    return [(await service.submit(job_id, Priority.BATCH, body, {}))[1] for job_id in job_ids]


def test_a_job_cancelled_twice_at_once_lets_go_of_its_arrays_once(service: Service) -> None:
    async def story() -> None:
        await submit(service, "a", "b")
        await asyncio.gather(service.cancel("a"), service.cancel("a"))

    asyncio.run(story())
    assert not service.store.blobs.make_room(1), "the other job needs the input still"
    asyncio.run(service.cancel("b"))
    assert service.store.blobs.make_room(1)


def test_what_a_job_has_finished_is_deleted_when_it_is_cancelled_while_it_waits(service: Service) -> None:
    asyncio.run(submit(service, "a", "b"))
    frames = [service.store.job_folder(job_id) / "output" / "000000.png" for job_id in "ab"]
    for path in frames:
        path.parent.mkdir(parents=True)
        path.touch()
    asyncio.run(service.cancel("a"))
    assert [path.exists() for path in frames] == [False, True]


def test_a_server_that_starts_deletes_what_ended_jobs_have_left_and_keeps_the_rest(service: Service) -> None:
    asyncio.run(submit(service, "a", "b"))
    asyncio.run(service.cancel("a"))
    for job_id in ("a", "b", "forgotten"):
        service.store.job_folder(job_id).mkdir(parents=True)
    asyncio.run(recover(service.store))
    assert [path.name for path in service.store.job_folders.iterdir()] == ["b"]


def test_who_follows_a_waiting_job_hears_that_it_was_cancelled(service: Service) -> None:
    async def story() -> list[str]:
        await submit(service, "a")
        heard: list[str] = []
        async for event in service.events("a", 0):
            heard.append(event.data["kind"])
            if len(heard) == 1:
                await service.cancel("a")
        return heard

    assert asyncio.run(asyncio.wait_for(story(), 60)) == ["queued", "cancelled"]
    assert asyncio.run(service.job("a")).state is JobState.CANCELLED


def test_a_job_that_has_ended_is_known_again_without_its_arrays(service: Service) -> None:
    assert asyncio.run(submit(service, "a", "a")) == [True, False]
    asyncio.run(service.cancel("a"))
    assert service.store.blobs.make_room(1) and service.store.blobs.find(INPUT) is None
    assert asyncio.run(submit(service, "a")) == [False]


def test_an_upload_where_the_blobs_were_moved_away_is_refused_in_a_sentence_and_reported_to_admins(
    service: Service, tmp_path: Path
) -> None:
    blobs = service.store.settings.home / "blobs"
    blobs.rename(tmp_path / "moved")
    http = TestClient(make_app(service), base_url="http://127.0.0.1", raise_server_exceptions=False)
    answer = http.put(f"/v1/blobs/{hashlib.sha256(b'a').hexdigest()}", content=b"a")
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text
    (problem,) = http.get("/v1/health").json()["problems"]
    assert "could not be written" in problem and str(blobs) in problem
