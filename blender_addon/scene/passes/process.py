# SPDX-License-Identifier: GPL-3.0-or-later
"""A background Blender seen from the window: its process, its lines, and what they tell; no bpy."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sd_core.errors import Cancelled, SDError, error_from_dict

from .order import MESSAGE_PREFIX

_LOOK = 0.1
"""Seconds between two looks at whether the process is still wanted."""


def messages(command: Sequence[str], log: Path, cancelled: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    """Run a background Blender and give what it tells, line by line; all else that it says goes to `log`.

    Raises:
        Cancelled: `cancelled` said so.
        SDError: what the background Blender says, or that it ended with another code than 0.
    """
    failure = None
    with running(command) as process, log.open("w", encoding="utf-8") as kept:
        for line in lines_of(process, cancelled):
            held = message_of(line)
            if held is None:
                kept.write(line)
            elif "failed" in held:
                failure = error_from_dict(held["failed"])
            else:
                yield held
        code = process.wait()
    if failure is not None:
        raise failure
    if code != 0:
        last = log.read_text(encoding="utf-8", errors="replace").strip()[-600:]
        raise SDError(f"the background Blender ended with code {code}: {last}", hint=f"see {log}")


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """The process; neither it nor its pipes are left behind. It ends by itself when nobody holds its input any more."""
    process = subprocess.Popen(  # noqa: S603 - the Blender that runs
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def lines_of(process: subprocess.Popen[str], cancelled: Callable[[], bool]) -> Iterator[str]:
    """What the process writes.

    Raises:
        Cancelled: `cancelled` says so, which is asked also while nothing is written.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        while not cancelled():
            try:
                line = lines.get(timeout=_LOOK)
            except queue.Empty:
                continue
            if line is None:
                return
            yield line
        raise Cancelled
    finally:
        if process.poll() is None and cancelled():
            process.kill()
        reader.join(_LOOK)


def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def message_of(line: str) -> dict[str, Any] | None:
    """What a line tells; None for one of Blender's own."""
    if not line.startswith(MESSAGE_PREFIX):
        return None
    return json.loads(line.removeprefix(MESSAGE_PREFIX))
