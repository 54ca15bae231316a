"""Structured logs: one JSON object a line, in a file of bounded size."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pythonjsonlogger.json import JsonFormatter

_BYTES = 10 * 1024**2
_KEPT = 3


def start_logging(folder: Path) -> None:
    """Send what the server logs to `folder/server.jsonl`, and warnings to standard error as well."""
    folder.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(folder / "server.jsonl", maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")
    file.setFormatter(JsonFormatter("{asctime}{levelname}{name}{message}", style="{"))
    console = logging.StreamHandler()
    console.setLevel(logging.WARNING)
    console.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[file, console], force=True)
