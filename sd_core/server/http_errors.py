"""Errors as HTTP answers: always the JSON of an `SDError`."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ..errors import ModelNotFound, NotAllowed, OutputError, RequestError, SDError, ServerError
from .database import JournalError
from .schemas import Problem
from .service import MissingBlobs

_LOG_HINT = "see server.jsonl in the logs folder of the server"
_log = logging.getLogger(__name__)

_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG})
_UNUSABLE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
)
"""What the system says of files where the home was moved away, the disk fails, or too many files are open."""

_HINTS = {413: "send less at a time"}
_DISK_HINT = "tell its admin, who sees more in /v1/health and in server.jsonl; then send it again"
_STATUS: dict[type[SDError], int] = {RequestError: 422, NotAllowed: 422, ModelNotFound: 422, OutputError: 507}


def install(app: FastAPI, note: Callable[[str], None] = lambda _: None) -> None:
    """Give every error its answer; `note` is called with the reason why something could not be written."""

    async def sd_error(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, OutputError):
            note(str(error))
        return await _sd_error(request, error)

    async def files(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, OSError) and error.errno in _FULL | _UNUSABLE:
            _log.error("a file cannot be used", extra={"reason": str(error), "path": request.url.path})
            note(str(error))
        return await _files(request, error)

    app.add_exception_handler(SDError, sd_error)
    app.add_exception_handler(OSError, files)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(Exception, _defect)


def openapi_errors(*statuses: int) -> dict[int | str, dict[str, object]]:
    """These statuses, and those that any route may give, for the OpenAPI description."""
    return {status: {"model": Problem} for status in (401, 403, 408, 415, 421, 422, *statuses)}


async def _sd_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SDError)
    if isinstance(error, MissingBlobs):
        plain = ServerError(error.message, status=409, hint=error.hint)
        return JSONResponse({**plain.to_dict(), "missing": error.digests}, 409)
    if isinstance(error, JournalError):
        error = ServerError(error.message, status=500, hint=error.hint)
    status = error.status if isinstance(error, ServerError) else _STATUS.get(type(error), 500)
    return JSONResponse(_ascii(error), status)


async def _files(_: Request, error: Exception) -> JSONResponse:
    """The disk is full, or the home is gone: the place is for the log, and for those who may see the problems in health."""
    assert isinstance(error, OSError)
    if error.errno in _FULL:
        return JSONResponse(ServerError("the disk of the server is full", status=507, hint=_DISK_HINT).to_dict(), 507)
    if error.errno in _UNUSABLE:
        reason = f"the server cannot use its files: {error.strerror}"
        return JSONResponse(ServerError(reason, status=503, hint=_DISK_HINT).to_dict(), 503)
    raise error


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """The first complaint, without the value: that may be huge, or no valid JSON."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])[:200] or "body"
    return JSONResponse(_ascii(RequestError(field, first["msg"], hint="see /docs")), 422)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    hint = _HINTS.get(error.status_code, "see /docs" if error.status_code < 500 else _LOG_HINT)
    plain = ServerError(str(error.detail), status=error.status_code, hint=hint)
    return JSONResponse(plain.to_dict(), error.status_code, headers=dict(error.headers or {}))


async def _client_gone(_: Request, error: Exception) -> JSONResponse:
    """Nobody reads this: the client has gone in the middle of its body, or was refused because it was too slow."""
    plain = ServerError("the body has ended early", status=400, hint="send it again")
    return JSONResponse(plain.to_dict(), 400)


async def _defect(_: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw: Starlette raises it again after the answer, so that the log has the traceback."""
    plain = ServerError(f"{type(error).__name__}: {error}", status=500, hint=f"{_LOG_HINT}, and report it")
    return JSONResponse(_ascii(plain), 500)


def _ascii(error: SDError) -> dict[str, object]:
    """Half a surrogate pair in a message cannot be sent as UTF-8."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in error.to_dict().items()
    }
