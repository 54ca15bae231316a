"""What goes wrong around a server, one thing at a time."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sd_core.client import Client, start_server
from sd_core.errors import EngineDied, OutputError, ServerError
from sd_core.server.settings import Deadlines
from tests.server.conftest import Served
from tests.server.servers import (
    ENVIRONMENT,
    PATIENCE,
    START,
    adjust,
    endless,
    engine_pid,
    is_alive,
    kill,
    long_adjust,
    rows,
    running,
    state_of,
    wait_for,
)


def reason_of_death(home: Path) -> str:
    """What the log says of the only engine that died."""
    lines = [json.loads(line) for line in (home / "logs" / "server.jsonl").read_text().splitlines()]
    (reason,) = [line["reason"] for line in lines if line["message"] == "engine died"]
    return reason


def running_state(client: Client, job_id: str) -> bool:
    return state_of(client, job_id) == "running"


def test_a_job_whose_engine_is_killed_runs_once_more(tmp_path: Path) -> None:
    with running(tmp_path) as (_, client):
        pid = engine_pid(client)
        job, after = client.submit(long_adjust()), client.submit(adjust())
        wait_for(lambda: running_state(client, job.id))
        kill(pid)
        assert job.result(PATIENCE).images[0].shape == (2048, 2048, 3)
        after.result(PATIENCE)
        assert {held["id"]: held["runs"] for held in client.jobs()} == {job.id: 2, after.id: 1}
    assert "SIGKILL" in reason_of_death(tmp_path), "its end is seen; no deadline has to pass"


@pytest.mark.slow
def test_a_job_that_kills_two_engines_fails_with_the_reason_and_the_next_one_runs(tmp_path: Path) -> None:
    with running(tmp_path) as (_, client):
        job, pid = None, None
        for _ in range(2):
            pid = engine_pid(client, other_than=pid)
            job = job or client.submit(long_adjust())
            wait_for(lambda job=job: running_state(client, job.id))
            kill(pid)
        with pytest.raises(EngineDied, match="SIGKILL, as in the run before"):
            job.result(PATIENCE)
        client.submit(adjust()).result(PATIENCE)


@pytest.mark.slow
def test_an_engine_that_hangs_is_noticed_and_replaced(tmp_path: Path) -> None:
    with running(tmp_path) as (_, client):
        pid = engine_pid(client)
        job = client.submit(long_adjust())
        wait_for(lambda: running_state(client, job.id))
        os.kill(pid, signal.SIGSTOP)
        job.result(PATIENCE)
    seconds = re.search(r"no sign of life for ([\d.]+) s", reason_of_death(tmp_path))
    # A busy machine may look late; only one that does not see that it is stopped waits for the other deadline.
    assert seconds and Deadlines().silence <= float(seconds[1]) < Deadlines().stuck


@pytest.mark.slow
def test_where_no_engine_can_start_jobs_wait_and_the_server_says_why(tmp_path: Path) -> None:
    server = start_server(arguments=["--device", "cuda:77"], home=tmp_path, environment=ENVIRONMENT, timeout=PATIENCE)
    try:
        with server.connect() as client:
            job = client.submit(adjust())
            wait_for(lambda: any("cuda:77" in problem for problem in client.health()["problems"]))
            answer = client.transport.send("GET", "/v1/health")
            assert (answer.status, client.health()["queue"]["queued"]) == (503, 1)
            job.cancel()
    finally:
        server.stop()


def test_jobs_survive_the_death_of_the_server(tmp_path: Path) -> None:
    first = start_server(arguments=START, home=tmp_path, environment=ENVIRONMENT, timeout=PATIENCE)
    client = first.connect()
    engine = engine_pid(client)
    jobs = [client.submit(long_adjust(1)), *(client.submit(adjust(seed)) for seed in range(5))]
    wait_for(lambda: running_state(client, jobs[0].id))
    kill(first.process.pid)
    first.stop()
    client.close()
    # Its engine hears that its input is closed.
    wait_for(lambda: not is_alive(engine))
    with running(tmp_path) as (_, again):
        for job in jobs:
            assert again.job(job.id).result(PATIENCE).images[0].size
        assert [held["runs"] for held in again.jobs()] == [2, 1, 1, 1, 1, 1]


@pytest.mark.slow
def test_a_client_follows_its_job_over_a_restart_of_the_server(tmp_path: Path) -> None:
    port = _free_port()
    arguments = [*START, "--token", "fixed-and-long-enough"]
    command = [sys.executable, "-m", "sd_core.cli", "serve", "--port", str(port), *arguments]
    environment = {**os.environ, **ENVIRONMENT, "SD_CORE_HOME": str(tmp_path)}
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    with Client(f"http://127.0.0.1:{port}", "fixed-and-long-enough", patience=PATIENCE) as client:
        job = client.submit(long_adjust())
        wait_for(lambda: running_state(client, job.id), PATIENCE)
        kill(first.pid)
        first.wait()
        second = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        assert job.result(PATIENCE).images[0].shape == (2048, 2048, 3)
    second.terminate()
    assert second.wait(PATIENCE) in {0, -signal.SIGTERM}


def test_a_second_server_on_one_folder_refuses(tmp_path: Path) -> None:
    with running(tmp_path) as (_, client):
        with pytest.raises(ServerError, match="another server uses"):
            start_server(arguments=START, home=tmp_path, environment=ENVIRONMENT, timeout=PATIENCE)
        client.run(adjust())


def test_a_damaged_journal_stops_the_server_from_starting_and_is_kept(tmp_path: Path) -> None:
    with running(tmp_path) as (_, client):
        for seed in range(30):
            client.submit(adjust(seed))
    path = tmp_path / "journal.sqlite3"
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 8192 * 4096
    damaged[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(damaged)
    with pytest.raises(ServerError, match="damaged"):
        start_server(arguments=START, home=tmp_path, environment=ENVIRONMENT, timeout=PATIENCE)
    assert path.read_bytes() == damaged
    with running(tmp_path, "--new-journal") as (_, client):
        client.run(adjust())
        assert len(client.jobs()) == 1
    assert any(kept.read_bytes() == damaged for kept in tmp_path.glob("journal.sqlite3.damaged-*"))


def test_the_server_ends_with_its_parent(tmp_path: Path) -> None:
    server = start_server(arguments=START, home=tmp_path, environment=ENVIRONMENT, timeout=PATIENCE)
    with server.connect() as client:
        engine = engine_pid(client)
    server.stop()
    assert server.process.returncode == 0
    wait_for(lambda: not is_alive(engine))
    assert not (tmp_path / "server.json").exists()


def test_a_client_that_stops_reading_holds_nobody_up(served: Served) -> None:
    client, announced = served.client, served.process.announcement
    parts = urlsplit(announced.url)
    job_id = uuid.uuid4().hex
    deaf = []
    first = client.submit(long_adjust())
    client.submit(adjust(1), id=job_id)
    for _ in range(20):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.connect((parts.hostname, parts.port))
        head = f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
        connection.sendall(f"{head}{announced.token}\r\n\r\n".encode())
        deaf.append(connection)
    for seed in range(30):
        client.submit(adjust(seed)).result(PATIENCE)
    first.result(PATIENCE)
    assert client.job(job_id).result(PATIENCE).images[0].size
    for connection in deaf:
        connection.close()


def test_a_slow_reader_misses_previews_and_nothing_else() -> None:
    import asyncio

    from sd_core.server.event_feed import Feed
    from sd_core.server.stored_events import StoredEvent

    async def told() -> list[tuple[str, object]]:
        feed = Feed()
        for number in range(1, 6):
            feed.publish(StoredEvent(number, {"kind": "step", "index": number, "preview": "pixels"}))
        feed.publish(StoredEvent(6, {"kind": "frame", "index": 0}))
        feed.publish(StoredEvent(7, {"kind": "result"}))
        return [(event.data["kind"], event.data.get("preview")) async for event in feed.after(0)]

    assert asyncio.run(told()) == [("step", None)] * 5 + [("frame", None), ("result", None)]


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk of its own takes Linux's namespaces")
def test_a_server_on_a_full_disk_refuses_and_goes_on_when_there_is_space(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)]
    serve = [sys.executable, "-m", "sd_core.cli", "serve", "--port", "0", "--token", "fixed-and-long-enough", *START]
    script = f"{' '.join(mount)} && exec {' '.join(serve)}"
    environment = {**os.environ, **ENVIRONMENT, "SD_CORE_HOME": str(tmp_path)}
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = server.stdout.readline().split()[2].rstrip(",")
    filler = Path(f"/proc/{server.pid}/root{tmp_path}/filler")
    try:
        with Client(url, "fixed-and-long-enough", patience=PATIENCE) as client:
            before = client.submit(adjust(1))
            before.result(PATIENCE)
            _fill(filler)
            with pytest.raises(OutputError, match="free some space"):
                submit_many(client)
            assert client.health()["queue"]["done"] >= 1
            filler.unlink()
            client.submit(adjust(3)).result(PATIENCE)
            assert client.job(before.id).result(PATIENCE).images[0].size
    finally:
        server.terminate()
        server.wait(PATIENCE)
        server.stdout.close()


def submit_many(client: Client) -> None:
    """More arrays than a full disk takes."""
    for seed in range(2, 200):
        client.submit(adjust(seed, side=256))


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as stream:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    stream.write(b"x" * size)
            except OSError:
                continue


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_the_journal_of_a_running_server_can_be_looked_at(served: Served) -> None:
    job = served.client.submit(adjust())
    job.result(PATIENCE)
    assert (job.id, "done", 1) in rows(served.home, "SELECT id, state, runs FROM jobs")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP")
def test_a_machine_that_slept_has_no_engine_that_hung(tmp_path: Path) -> None:
    with running(tmp_path) as (server, client):
        engine = engine_pid(client)
        job = client.submit(endless())
        wait_for(lambda: running_state(client, job.id))
        processes = (server.process.pid, engine)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(25)  # longer than any deadline without a heartbeat, so that only the sleep can excuse it
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
        time.sleep(3)
        assert client.health()["devices"][0]["pid"] == engine
        assert running_state(client, job.id)
        job.cancel()
