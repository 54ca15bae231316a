"""Logs have an end."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import pytest

from sd_core.server import logs
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
