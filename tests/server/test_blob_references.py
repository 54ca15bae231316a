"""A finished job can be read as long as its result is there, however full the store is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sd_core.client import Client
from sd_core.errors import ModelNotFound, ServerError
from sd_core.requests import ImageToImage, Request
from sd_core.results import Result
from sd_core.server import journal
from sd_core.server.blob_references import result_blobs
from sd_core.server.records import JobState, NewJob, Priority
from sd_core.server.settings import Limits, ServerSettings
from sd_core.server.state import Store, open_store, recover
from sd_core.server.stored_events import StoredEvent, event_id
from sd_core.values import array_digest, freeze, npy_bytes
from sd_core.wire.results import result_to_dict
from tests.server.servers import PATIENCE, adjust, running

SIDE = 1024
"""Three MiB a picture."""


def picture(seed: int) -> np.ndarray:
    return freeze(np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def upload(client: Client, array: np.ndarray) -> None:
    raw = npy_bytes(array)
    client.transport.check(client.transport.send("PUT", f"/v1/blobs/{array_digest(array)}", raw, {}))


def test_a_full_store_leaves_the_input_of_a_result_that_is_looked_at(tmp_path: Path) -> None:
    request = adjust(1, side=SIDE)
    with running(tmp_path, "--blob-space", "0.0105") as (_, client):
        made = client.submit(request)
        image = made.result(PATIENCE).images[0]
        upload(client, picture(2))
        client.fetch(array_digest(image))
        upload(client, picture(3))
        again = client.job(made.id)
        assert again.request == request
        assert np.array_equal(again.result(PATIENCE).images[0], image)


def test_a_failed_job_says_why_also_when_what_it_was_to_be_made_from_is_gone(tmp_path: Path) -> None:
    missing = str(tmp_path / "models" / "no-such-model")
    request = ImageToImage(prompt="red wall", image=picture(1), model=missing)
    with running(tmp_path, "--blob-space", "0.0105") as (_, client):
        failed = client.submit(request)
        with pytest.raises(ModelNotFound):
            failed.result(PATIENCE)
        for seed in (2, 3, 4):
            upload(client, picture(seed))
        again = client.job(failed.id)
        with pytest.raises(ModelNotFound, match="no-such-model"):
            again.result(PATIENCE)
        with pytest.raises(ServerError, match="no blob"):
            _ = again.request
        with pytest.raises(ModelNotFound, match="no-such-model"):
            client.submit(request, id=failed.id).result(PATIENCE)
        with pytest.raises(ServerError, match="no blob"):  # it was not sent again for nothing
            client.fetch(array_digest(request.image))


def opened(home: Path, bound: int) -> Store:
    return open_store(ServerSettings(home=home, limits=Limits(store_bytes=bound)))


def finished(store: Store, request: Request, result: Result) -> None:
    """Write a job down as if an engine had just run it."""
    data, arrays = result_to_dict(result)
    text = request.to_json()
    needed = frozenset(request.arrays())
    new = NewJob(id="a", priority=Priority.BATCH, request=text, attachments={}, blobs=needed, model=None)
    store.blobs.put({digest: npy_bytes(array) for digest, array in arrays.items()})
    last = StoredEvent(event_id(1, 1), {"kind": "result", "result": data})

    async def write() -> None:
        job, _ = await store.database.run(lambda connection: journal.add(connection, new, 9))
        await store.database.run(lambda connection: journal.finish(connection, job, JobState.DONE, last))

    asyncio.run(write())


def test_results_are_bound_to_their_requests_again_after_a_restart(tmp_path: Path) -> None:
    request = adjust(1)
    result = Result(images=[freeze(255 - request.image)], request=request)
    first = opened(tmp_path, 1 << 30)
    finished(first, request, result)
    size, source, made = first.blobs.total, array_digest(request.image), array_digest(result.images[0])
    first.database.close()

    second = opened(tmp_path, size)
    asyncio.run(recover(second))
    for digest in (source, made):
        second.blobs.find(digest)
    assert second.blobs.make_room(1)
    second.database.close()
    assert (second.blobs.find(source) is not None, second.blobs.find(made)) == (True, None)


def event(result: Result) -> dict[str, Any]:
    return {"kind": "result", "result": result_to_dict(result)[0]}


def test_what_a_result_shares_with_its_request_is_its_own() -> None:
    request = adjust(1)
    unchanged = result_blobs(json.loads(request.to_json()), event(Result(images=[request.image], request=request)))
    assert unchanged is not None
    assert (unchanged.outputs, unchanged.inputs) == ({array_digest(request.image)}, set())


def test_a_job_that_failed_was_made_from_nothing() -> None:
    assert result_blobs({"type": "Adjust"}, {"kind": "failed", "error": {}}) is None
