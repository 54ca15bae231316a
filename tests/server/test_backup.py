"""A copy that is made while the server runs is a server's home."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sd_core.errors import OutputError, ServerError
from sd_core.server.backup import back_up
from tests.server.servers import PATIENCE, adjust, endless, running, state_of, wait_for


@pytest.mark.slow
def test_a_copy_made_under_load_has_every_job_and_picture_that_was_acknowledged(tmp_path: Path) -> None:
    home, target = tmp_path / "home", tmp_path / "copy"
    with running(home) as (_, client):
        done = client.submit(adjust(1))
        picture = done.result(PATIENCE).images[0].tobytes()
        first = client.submit(endless())
        waiting = [client.submit(adjust(seed)) for seed in range(2, 12)]
        wait_for(lambda: state_of(client, first.id) == "running")
        stop = threading.Event()

        def submit() -> None:
            for seed in range(100, 10_000):
                if stop.is_set():
                    break
                client.submit(adjust(seed))

        thread = threading.Thread(target=submit)
        thread.start()
        try:
            command = [sys.executable, "-m", "sd_core.cli", "backup", str(target), "--home", str(home)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        finally:
            stop.set()
            thread.join()
        first.cancel()
        expected = [job.result(PATIENCE).images[0].tobytes() for job in waiting]
    assert "jobs" in output and "blobs" in output
    assert not [path for path in (target, *target.rglob("*")) if path.stat().st_mode & 0o077]
    with running(target) as (_, client):
        client.job(first.id).cancel()
        assert client.job(done.id).result(PATIENCE).images[0].tobytes() == picture
        assert [client.job(job.id).result(PATIENCE).images[0].tobytes() for job in waiting] == expected


def test_a_copy_overwrites_nothing(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="no journal"):
        back_up(tmp_path, tmp_path / "copy")
    (tmp_path / "journal.sqlite3").touch()
    (tmp_path / "copy").mkdir()
    with pytest.raises(OutputError, match="File exists"):
        back_up(tmp_path, tmp_path / "copy")
    assert not list((tmp_path / "copy").iterdir())
