"""Start a server that lives as long as this program."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import ServerError
from ..paths import home_folder
from ..wire import Announcement, read_announcement
from ..wire.private import open_private
from .client import Client, connect

_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server that was started here."""

    process: subprocess.Popen[bytes]
    announcement: Announcement

    def connect(self) -> Client:
        """A client of it."""
        return connect(self.announcement.url, self.announcement.token)

    def stop(self, timeout: float = 15.0) -> None:
        """Let it end: its input is closed, and it is killed if it does not go by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_server(
    python: str = sys.executable,
    arguments: Sequence[str] = (),
    *,
    home: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> ServerProcess:
    """Start `python -m sd_core.cli serve` on a free port and wait until it listens; it ends with this program.

    Args:
        python: an interpreter that has `sd_core` with its server.
        arguments: further options of `serve`.
        home: its folder; None: `SD_CORE_HOME` or the platform's.
        environment: variables set in addition to those of this process.
        timeout: seconds.

    Raises:
        ServerError: it ended at once, with what it said, or does not listen in time.
    """
    folder = Path(home) if home is not None else home_folder()
    said = folder / "start.log"
    command = [python, "-m", "sd_core.cli", "serve", "--port", "0", "--live-as-long-as-parent", *arguments]
    with _open_log(folder, said) as log:
        process = subprocess.Popen(  # noqa: S603 - the interpreter is chosen by the user
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {}), "SD_CORE_HOME": str(folder)},
        )
    assert process.stdin is not None
    try:
        return ServerProcess(process, _wait(process, folder, said, timeout))
    except BaseException:
        process.stdin.close()
        process.kill()
        process.wait()
        raise


def _open_log(folder: Path, path: Path) -> BinaryIO:
    """What the server prints; like the folder, for this user alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.fdopen(open_private(path), "wb")
    except OSError as error:
        raise ServerError(f"{path} cannot be written: {error.strerror}", hint="choose another folder") from error


def _wait(process: subprocess.Popen[bytes], home: Path, log: Path, timeout: float) -> Announcement:
    give_up = time.monotonic() + timeout
    while time.monotonic() < give_up:
        if process.poll() is not None:
            words = log.read_text(errors="replace").strip()[-1000:]
            raise ServerError(f"the server ended at once: {words}", hint="check that this Python has sd_core[server]")
        try:
            found = read_announcement(home)
        except ServerError:
            found = None
        if found is not None and found.pid == process.pid:
            return found
        time.sleep(_LOOK)
    raise ServerError(f"the server does not listen after {timeout:.0f} s", hint=f"see {log}")
