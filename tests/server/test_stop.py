"""However a server is told to stop: nothing is left behind, and the exit code says how it went."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from sd_core.client import Client, connect
from sd_core.wire import read_announcement
from tests.server.servers import START, adjust, endless, engine_pid, is_alive, running, state_of, wait_for
from tests.server.speaking import Speaker

LONGEST = 5.0
"""Seconds from the order to the end of server and engine."""


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`sd-core serve`, which says what it says into `said`."""
    command = [sys.executable, "-m", "sd_core.cli", "serve", "--port", "0", *START, *arguments]
    environment = {**os.environ, "SD_CORE_HOME": str(home)}
    said = home.parent / "said"
    with said.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=stream, stderr=stream)
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def connected(home: Path) -> Client:
    """A client, once the server listens."""
    wait_for((home / "server.json").exists)
    return connect(home=home)


def assert_clean(home: Path) -> None:
    """The journal is closed, which merges its log into it; no announcement; nothing went wrong aloud."""
    assert not (home / "server.json").exists()
    assert not (home / "journal.sqlite3-wal").exists()
    said = (home.parent / "said").read_text()
    for word in ("Traceback", "Fatal", "Exception", "core dumped"):
        assert word not in said, said


def ended(process: subprocess.Popen[bytes]) -> int:
    """Its exit code, once it has ended, which may not take long."""
    return process.wait(60)


ENDS: dict[str, tuple[Callable[[subprocess.Popen[bytes]], None], int]] = {
    "SIGTERM": (lambda process: process.send_signal(signal.SIGTERM), 0),
    "SIGHUP": (lambda process: process.send_signal(signal.SIGHUP), 0),
    "SIGINT": (lambda process: process.send_signal(signal.SIGINT), 130),
    "closed input": (lambda process: process.stdin.close() if process.stdin else None, 0),
}


@pytest.mark.parametrize(
    "how", [how if how == "SIGTERM" else pytest.param(how, marks=pytest.mark.slow) for how in ENDS]
)
def test_a_server_that_is_asked_to_stop_leaves_nothing_behind(tmp_path: Path, how: str) -> None:
    """In the middle of a job, with a stream of its events open that is read, and another one that is not."""
    home = tmp_path / "home"
    order, code = ENDS[how]
    with serving(home, *(["--live-as-long-as-parent"] if how == "closed input" else [])) as process:
        with connected(home) as client:
            engine = engine_pid(client)
            job = client.submit(endless())
            wait_for(lambda: state_of(client, job.id) == "running")
            url, token = client.url, read_announcement(home).token
        parts = urlsplit(url)
        deaf = http.client.HTTPConnection(parts.hostname or "", parts.port)
        deaf.request("GET", f"/v1/jobs/{job.id}/events", headers={"Authorization": f"Bearer {token}"})
        start = time.monotonic()
        order(process)
        if how != "closed input":
            order(process)  # whoever is impatient breaks nothing
        assert ended(process) == code
        wait_for(lambda: not is_alive(engine))
        seconds = time.monotonic() - start
        deaf.close()
        assert_clean(home)
    assert seconds < LONGEST
    with running(home) as (_, client):
        assert state_of(client, job.id) in {"queued", "running"}
        client.job(job.id).cancel()


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [300, 600, 900, 1200, 1600, 2500])
def test_a_server_can_be_stopped_while_it_starts(tmp_path: Path, milliseconds: int) -> None:
    home = tmp_path / "home"
    with serving(home) as process:
        time.sleep(milliseconds / 1000)  # whatever it does by then: every moment must do
        children = psutil.Process(process.pid).children(recursive=True)
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        # Before the program has begun to listen to signals the system ends it; nothing has been written then.
        assert ended(process) in {0, -signal.SIGTERM}
        assert time.monotonic() - start < LONGEST
        wait_for(lambda: not any(child.is_running() and child.status() != "zombie" for child in children))
        if home.exists():
            assert_clean(home)


@pytest.mark.slow
def test_an_engine_deep_in_native_code_ends_with_its_server(tmp_path: Path) -> None:
    """A stopped process is as deep as it gets: it hears nothing, and its input being closed changes nothing."""
    home = tmp_path / "home"
    with serving(home) as process, connected(home) as client:
        engine = engine_pid(client)
        os.kill(engine, signal.SIGSTOP)
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert ended(process) == 0
        wait_for(lambda: not is_alive(engine))
        assert time.monotonic() - start < LONGEST
    assert_clean(home)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such an engine ends when it hears of it")
def test_an_engine_deep_in_native_code_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as process, connected(home) as client:
        engine = engine_pid(client)
        os.kill(engine, signal.SIGSTOP)
        process.kill()
        ended(process)
        assert wait_for(lambda: not is_alive(engine)) < LONGEST


@pytest.mark.slow
def test_an_upload_under_way_does_not_hold_the_end_up(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as process, connected(home) as client:
        token = read_announcement(home).token
        parts = urlsplit(client.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        connection.putrequest("PUT", f"/v1/blobs/{'0' * 64}")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Content-Length", "1000000")
        connection.endheaders(b"the beginning")
        wait_for(lambda: list((home / "blobs").glob("upload-*.tmp")))
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert ended(process) == 0
        assert time.monotonic() - start < LONGEST
        connection.close()
    assert_clean(home)
    assert not list((home / "blobs").glob("*.tmp"))


@pytest.mark.slow
def test_who_hangs_up_the_terminal_does_not_end_what_was_started_with_nohup(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ignoring = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with serving(home) as process:
            with connected(home) as client:
                process.send_signal(signal.SIGHUP)
                client.run(adjust())
            process.send_signal(signal.SIGTERM)
            assert ended(process) == 0
    finally:
        signal.signal(signal.SIGHUP, ignoring)
    assert_clean(home)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's; a user who may do everything needs such a place")
def test_a_home_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for home, complaint in (
        (file, "is a file"),
        (file / "below", "cannot be used"),
        (Path("/proc/nowhere"), "cannot be used"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "sd_core.cli", "serve", "--port", "0", "--home", str(home)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert complaint in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_taken_port_and_a_taken_home_are_reported_in_a_sentence(tmp_path: Path) -> None:
    with running(tmp_path / "one") as (server, _):
        port = str(urlsplit(server.announcement.url).port)
        for arguments, complaint in (
            (["--port", port, "--home", str(tmp_path / "two")], "cannot listen"),
            (["--port", "0", "--home", str(tmp_path / "one")], "another server uses"),
        ):
            command = [sys.executable, "-m", "sd_core.cli", "serve", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
            assert complaint in done.stderr
        assert Speaker(server.announcement.url)("GET", "/v1/live").status == 200
