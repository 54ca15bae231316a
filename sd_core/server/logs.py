"""Structured logs: one JSON object a line, in files of bounded size; and the plain ones of engines."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, BinaryIO

from pythonjsonlogger.json import JsonFormatter

from ..errors import ServerError
from .console import Console, RateLimit

ACCESS = "sd_core.access"
"""Name of the logger that has a line for each request."""

_BYTES = 10 * 1024**2
_OLD_FILES = 3

_STDERR = 2

_TRACE_LINES = 60
_TRACE_LINE = 500
"""Of a traceback, and characters of a line; what recurses too deep has thousands."""

_LIBRARIES = ("uvicorn.error", "asyncio")
"""Loggers of what any client can cause: requests that are none, sockets that the system has no room for."""


def start_logging(folder: Path) -> None:
    """Send what the server logs to `folder/server.jsonl`, and warnings to standard error as well; requests to `access.jsonl`."""
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(_STDERR)
    console.setLevel(logging.WARNING)
    console.setFormatter(_Plain("%(levelname)s: %(message)s"))
    for name in _LIBRARIES:
        logging.getLogger(name).filters = [RateLimit()]
    logging.basicConfig(level=logging.INFO, handlers=[_file(folder / "server.jsonl"), console], force=True)
    access = logging.getLogger(ACCESS)
    access.propagate = False
    access.handlers = [_file(folder / "access.jsonl")]


def flush_logs() -> None:
    """Wait, for a second at most, until what was said is on standard error."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def open_engine_log(path: Path) -> BinaryIO:
    """The log of an engine that starts, to be appended to; that of earlier ones is kept in the same folder where it is long."""
    trim_engine_log(path)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def trim_engine_log(path: Path) -> None:
    """Move what a long log holds to `<name>.1`. Whoever has it open for appending goes on at its new end."""
    try:
        if path.stat().st_size > _BYTES:
            shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            os.truncate(path, 0)
    except FileNotFoundError:
        return
    except OSError as error:
        logging.getLogger(__name__).warning("log cannot be shortened", extra={"path": str(path), "reason": str(error)})


def _file(path: Path) -> logging.Handler:
    if path.exists() and not path.is_file():
        raise ServerError(f"{path} is no file that can be written", hint="delete it, or move it away")
    file = _File(path, maxBytes=_BYTES, backupCount=_OLD_FILES, encoding="utf-8")
    file.setFormatter(_Json("{asctime}{levelname}{name}{message}", style="{"))
    return file


class _Plain(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return _shorten(super().formatException(ei))


class _Json(JsonFormatter):
    def formatException(self, ei: Any) -> Any:  # noqa: N802 - logging's name
        return _shorten(str(super().formatException(ei)))


def _shorten(trace: str) -> str:
    """Beginning and end of a traceback: where the request came in, and what went wrong."""
    lines = trace.splitlines()
    if len(lines) > _TRACE_LINES:
        half = _TRACE_LINES // 2
        lines = [*lines[:half], f"  ... {len(lines) - 2 * half} lines ...", *lines[-half:]]
    return "\n".join(line[:_TRACE_LINE] for line in lines)


class _File(RotatingFileHandler):
    """Tells once that it cannot be written, such as on a full disk, and not with a traceback for every line."""

    _has_warned = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_warned and sys.stderr is not None:
            self._has_warned = True
            sys.stderr.write(f"WARNING: {self.baseFilename} cannot be written: {error.strerror}\n")
