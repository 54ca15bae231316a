"""Logs have an end."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import select
from pathlib import Path

import pytest

from sd_core.errors import ServerError
from sd_core.server import console, logs
from sd_core.server.console import Console, RateLimit
from sd_core.server.logs import open_engine_log, trim_engine_log


def test_the_log_of_an_engine_is_shortened_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_BYTES", 1000)
    path = tmp_path / "engine-0.log"
    with open_engine_log(path) as stream:
        for number in range(10):
            stream.write(b"x" * 299 + b"\n")
            stream.flush()
            trim_engine_log(path)
            assert path.stat().st_size <= 1000
            assert number < 4 or path.with_name("engine-0.log.1").stat().st_size <= 1500
        stream.write(b"the end\n")
    assert path.read_bytes().endswith(b"x\nthe end\n"), "no hole, no lost end"
    assert path.stat().st_mode & 0o077 == 0
    assert sorted(held.name for held in tmp_path.iterdir()) == ["engine-0.log", "engine-0.log.1"]


def test_a_long_log_of_earlier_engines_is_put_aside_at_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_BYTES", 10)
    path = tmp_path / "engine-0.log"
    path.write_bytes(b"what was said before")
    with open_engine_log(path) as stream:
        stream.write(b"now")
    assert path.read_bytes() == b"now"
    assert path.with_name("engine-0.log.1").read_bytes() == b"what was said before"


def test_a_log_that_cannot_be_written_says_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = logs._file(tmp_path / "server.jsonl")
    assert isinstance(handler, logging.StreamHandler)
    handler.stream.close()
    handler.stream = open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123, SIM115 - closed by the handler
    record = logging.LogRecord("a", logging.INFO, "a.py", 1, "a line " * 2000, None, None)
    for _ in range(3):
        handler.handle(record)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "server.jsonl cannot be written: No space left on device" in said
    with contextlib.suppress(OSError):
        handler.stream.close()


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    """A warning."""
    trace = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("a", logging.WARNING, "a.py", 1, message, None, trace)


def test_a_pipe_that_nobody_reads_holds_nothing_up_and_what_was_left_out_is_counted() -> None:
    reader, writer = os.pipe()
    said = Console(writer)
    said.setFormatter(logging.Formatter("%(message)s"))
    count, line = 3 * console._LINES, "x" * 200
    for _ in range(count):
        said.handle(record(line))
    read = b""
    while accounted(read, line) < count and (piece := piece_of(reader)):
        read += piece
    assert accounted(read, line) == count and b"left out" in read
    said.handle(record("the last"))
    while not read.endswith(b"the last\n") and (piece := piece_of(reader)):
        read += piece
    assert read.endswith(b"the last\n")
    os.close(reader)
    os.close(writer)


def accounted(read: bytes, line: str) -> int:
    """Lines that came, and those that are said to have been left out."""
    return read.count(f"{line}\n".encode()) + sum(map(int, re.findall(rb"WARNING: (\d+) lines were left out", read)))


def piece_of(reader: int) -> bytes:
    """What a pipe holds; nothing where it has stayed empty for ten seconds."""
    ready, _, _ = select.select([reader], [], [], 10.0)
    return os.read(reader, 65536) if ready else b""


def test_what_clients_can_cause_is_logged_once_a_minute_with_a_count() -> None:
    now = [0.0]
    seldom = RateLimit(lambda: now[0])
    passed = [seldom.filter(record(f"out of system resource\nsocket: fd={number}")) for number in range(100)]
    assert passed == [True] + [False] * 99
    assert seldom.filter(record("another one"))
    now[0] = 61.0
    last = record("out of system resource\nsocket: fd=5")
    assert seldom.filter(last)
    assert "99 times more" in last.getMessage()


def test_a_traceback_is_cut_in_the_middle(tmp_path: Path) -> None:
    def deep(number: int) -> None:
        exec("deeper(number - 1)" if number else "1 / 0", {"deeper": deep, "number": number})  # noqa: S102 - lines differ

    handler = logs._file(tmp_path / "server.jsonl")
    try:
        deep(200)
    except ZeroDivisionError as error:
        handler.handle(record("it failed", error))
    handler.close()
    text = (tmp_path / "server.jsonl").read_text()
    assert len(text) < 10_000
    assert "ZeroDivisionError" in json.loads(text)["exc_info"]


def test_a_log_that_is_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "server.jsonl")
    with pytest.raises(ServerError, match="no file"):
        logs._file(tmp_path / "server.jsonl")
