"""A server that may be killed and started again on the same home, port and token."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from sd_core.client import Client
from sd_core.client.transport import Transport
from sd_core.errors import SDError
from tests.server.servers import wait_for

from .work import Models

ROOT = Path(__file__).parents[3]
"""The repository."""

TOKEN = "storm-of-the-tests"  # noqa: S105 - of servers that live for minutes on loopback
MARK = "SD_CORE_STORM"
"""Environment variable by which every process of a host is found again."""

START = 60.0
"""Seconds within which a server answers: a second on a quiet machine."""

PATIENCE = 120.0
"""Seconds for which a client tries a server that is just being started again."""


def _free_port() -> int:
    """A port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _new_mark() -> str:
    return uuid.uuid4().hex


class RefusedStartError(Exception):
    """The server ended instead of serving; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Health:
    """The answer to `GET /v1/health`, whatever its status; status 0: no answer."""

    status: int
    body: Mapping[str, Any]

    @property
    def devices(self) -> list[Mapping[str, Any]]:
        """The lanes."""
        return self.body.get("devices", [])

    @property
    def ready(self) -> list[int]:
        """Engines that take jobs: their process ids."""
        return [device["pid"] for device in self.devices if device["ready"]]

    @property
    def done(self) -> int:
        """Jobs that have ended well."""
        return self.body.get("queue", {}).get("done", 0)

    @property
    def unfinished(self) -> int:
        """Jobs that wait or run."""
        queue = self.body.get("queue", {})
        return queue.get("queued", 0) + queue.get("running", 0)


@dataclass(slots=True)
class Host:
    """A server process on `home`.

    devices, deadlines, limits: as in `ServerSettings`. environment: variables for server and engines. prefix: a command
    that runs the server, such as one that enters a namespace. view: root folder by which this process sees the same files.
    """

    home: Path
    models: Models
    devices: tuple[str, ...] = ("cpu",)
    deadlines: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    view: Path = Path("/")
    port: int = field(default_factory=_free_port)
    mark: str = field(default_factory=_new_mark)
    _popen: subprocess.Popen[bytes] | None = None
    _transport: Transport | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def seen(self) -> Path:
        """The home, as this process sees it."""
        return self.view / self.home.relative_to("/")

    @property
    def temporary(self) -> Path:
        """Folder for temporary files of the server and its engines."""
        return self.home.parent / "temporary"

    @property
    def said(self) -> Path:
        """What it has written to standard error."""
        return self.home.parent / "said.log"

    @property
    def popen(self) -> subprocess.Popen[bytes]:
        """The process, running or ended."""
        assert self._popen is not None
        return self._popen

    @property
    def process(self) -> psutil.Process:
        """The server's process."""
        return psutil.Process(self.popen.pid)

    def start(self, *arguments: str) -> None:
        """Start it and wait until it answers.

        Raises:
            RefusedStartError: it ended at once.
        """
        self.temporary.mkdir(exist_ok=True)
        with self.said.open("wb") as log:
            self._popen = subprocess.Popen(
                [*self.prefix, sys.executable, *self._command(), *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment()},
            )
        wait_for(lambda: self.health().status in (200, 503) or self.popen.poll() is not None, START)
        if self.popen.poll() is not None:
            self._close()
            raise RefusedStartError(f"exit code {self.popen.returncode}: " + self.said.read_text(errors="replace"))

    def kill(self) -> None:
        """kill -9; its engines are left to notice."""
        self.popen.kill()
        self._close()

    def stop(self, seconds: float = 30.0) -> int:
        """Let it end by itself; gives its exit code."""
        stream = self.popen.stdin
        assert stream is not None
        stream.close()
        try:
            return self.popen.wait(seconds)
        finally:
            self.kill()

    def client(self, patience: float = PATIENCE) -> Client:
        """A client that tries again for so many seconds."""
        return Client(self.url, TOKEN, patience=patience)

    def health(self) -> Health:
        """Asked once, on a connection of its own."""
        transport = Transport(self.url, TOKEN, patience=0)
        try:
            answer = transport.send("GET", "/v1/health")
            return Health(answer.status, json.loads(answer.body))
        except (SDError, ValueError):
            return Health(0, {})
        finally:
            transport.close()

    def engines(self) -> list[int]:
        """Process ids of the engines that exist, those that are just starting among them."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [
                child.pid for child in self.process.children() if "sd_core.server.worker" in " ".join(child.cmdline())
            ]
        return []

    def wait_until_ready(self, dispatchers: int = 1, seconds: float = PATIENCE) -> Health:
        """Wait for so many engines that take jobs."""
        wait_for(lambda: len(self.health().ready) >= dispatchers, seconds)
        return self.health()

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this host, however it was started."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                if process.environ().get(MARK) == self.mark:
                    found.append(process)
        return found

    def suspend(self, *, stopped: bool) -> None:
        """Stop server and engines as a laptop that sleeps, or let them go on."""
        for process in self.processes():
            process.send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)

    def _environment(self) -> dict[str, str]:
        paths = [self.environment.get("PYTHONPATH", ""), str(ROOT), os.environ.get("PYTHONPATH", "")]
        return {
            **self.environment,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "SD_CORE_HOME": str(self.home),
            "SD_CORE_TOKEN": TOKEN,
            "TMPDIR": str(self.temporary),
            MARK: self.mark,
        }

    def _command(self) -> list[str]:
        if self.deadlines or self.limits:
            return [str(Path(__file__).with_name("serve.py")), json.dumps(self._settings())]
        devices = [part for device in self.devices for part in ("--device", device)]
        command = ["-m", "sd_core.cli", "serve", "--port", str(self.port), "--dtype", "float32"]
        command += ["--model", str(self.models.plain), "--allow-model", str(self.models.folder)]
        return [*command, "--live-as-long-as-parent", *devices]

    def _settings(self) -> dict[str, Any]:
        return {
            "home": str(self.home),
            "port": self.port,
            "token": TOKEN,
            "devices": self.devices,
            "dtype": "float32",
            "model": str(self.models.plain),
            "allow_models": [str(self.models.folder)],
            "live_as_long_as_parent": True,
            "deadlines": dict(self.deadlines),
            "limits": dict(self.limits),
        }

    def _close(self) -> None:
        self.popen.wait()
        if self.popen.stdin is not None:
            self.popen.stdin.close()


@contextlib.contextmanager
def hosted(host: Host) -> Iterator[Host]:
    """`host`, started; whatever is left of it at the end is killed."""
    host.start()
    with ended(host):
        yield host


@contextlib.contextmanager
def ended(host: Host) -> Iterator[Host]:
    """Kill whatever is left of a running `host` at the end."""
    try:
        yield host
    finally:
        if host.popen.poll() is None:
            host.kill()
        for process in host.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
