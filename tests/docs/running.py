"""Runs the blocks of a page in order, in an empty folder, with a home of its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT, Block, page_name

_DOCUMENTED_URL = "http://127.0.0.1:8765"
_START_SECONDS = 120


def run_blocks(page: Path, wanted: Iterable[Block], folder: Path, home: Path) -> None:
    """Run Python in this process, in one namespace, and each block of bash in a shell.

    Servers take a free port in place of the documented one, so that two runs on one machine do not meet.
    """
    (folder / "blender_addon").symlink_to(ROOT / "blender_addon")
    names: dict[str, Any] = {"__name__": "__main__"}
    url = _DOCUMENTED_URL
    with ExitStack() as servers:
        for block in wanted:
            where = f"{page_name(page)}:{block.line}"
            if block.language == "python":
                exec(compile("\n" * (block.line - 1) + block.text, where, "exec"), names)  # noqa: S102
            elif block.stays:
                url = servers.enter_context(_server(block.text, folder, home))
            else:
                _run_shell(block.text.replace(_DOCUMENTED_URL, url), folder, home, where)


def _run_shell(script: str, folder: Path, home: Path, where: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=_environment(folder, home), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{where}\n{done.stdout}\n{done.stderr}"


@contextmanager
def _server(script: str, folder: Path, home: Path) -> Iterator[str]:
    """A server that has announced itself; gives its URL."""
    words = [*shlex.split(script), "--port", "0"]
    process = subprocess.Popen(
        words, cwd=folder, env=_environment(folder, home), executable=_program(folder), stdout=subprocess.DEVNULL
    )
    try:
        yield _announced(home / "server.json", process)
    finally:
        process.terminate()
        process.wait(60)


def _announced(announcement: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while not announcement.is_file():
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < deadline, "the server has not announced itself"
        time.sleep(0.1)
    return str(json.loads(announcement.read_text(encoding="utf-8"))["url"])


def _environment(folder: Path, home: Path) -> dict[str, str]:
    """That of this process, with `sd-core` and `python` of this interpreter first, and nothing from the network."""
    path = os.pathsep.join((str(_program(folder).parent), str(Path(sys.executable).parent), os.environ["PATH"]))
    own = {"PATH": path, "PYTHONPATH": str(ROOT), "SD_CORE_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    return {**os.environ, **own}


def _program(folder: Path) -> Path:
    """A program `sd-core` that runs the sources beside this test, whatever is installed."""
    program = folder / ".bin" / "sd-core"
    if not program.is_file():
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sd_core.cli "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return program
