"""One engine for each device, and what each of them keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from sd_core.requests import TextToImage
from tests.server.conftest import Served
from tests.server.servers import endless, engine_pid, running, state_of, wait_for


@pytest.mark.slow
def test_devices_are_used_in_parallel(tmp_path: Path) -> None:
    with running(tmp_path, "--device", "cpu") as (_, client):  # a second one
        jobs = [client.submit(endless()) for _ in range(2)]
        wait_for(lambda: [state_of(client, job.id) for job in jobs] == ["running", "running"])
        devices = client.health()["devices"]
        assert {device["job"] for device in devices} == {job.id for job in jobs}
        assert len({device["pid"] for device in devices}) == 2
        for job in jobs:
            job.cancel()


def test_a_model_is_kept_until_memory_is_freed(served: Served) -> None:
    engine_pid(served.client)
    request = TextToImage(prompt="red wall", width=64, height=64, num_inference_steps=2, seed=1)

    def loads() -> bool:
        return "loading" in [event.kind for event in served.client.stream(request)]

    loads()
    assert not loads()
    served.client.free_memory()
    assert loads()
