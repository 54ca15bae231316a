"""Errors as HTTP answers: always the JSON of an `SDError`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ..errors import ModelNotFound, NotAllowed, OutputError, RequestError, SDError, ServerError
from .database import JournalError
from .schemas import Problem
from .service import MissingBlobs

_LOOK = "see server.jsonl in the logs folder of the server"
_HINTS = {413: "send less at a time"}
_STATUS: dict[type[SDError], int] = {RequestError: 422, NotAllowed: 422, ModelNotFound: 422, OutputError: 507}


def install(app: FastAPI) -> None:
    """Give every error its answer."""
    app.add_exception_handler(SDError, _sd_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _defect)


def described(*statuses: int) -> dict[int | str, dict[str, object]]:
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


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """The first complaint, without the value: that may be huge, or no valid JSON."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])[:200] or "body"
    return JSONResponse(_ascii(RequestError(place, first["msg"], hint="see /docs")), 422)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    hint = _HINTS.get(error.status_code, "see /docs" if error.status_code < 500 else _LOOK)
    plain = ServerError(str(error.detail), status=error.status_code, hint=hint)
    return JSONResponse(plain.to_dict(), error.status_code, headers=dict(error.headers or {}))


async def _gone(_: Request, error: Exception) -> JSONResponse:
    """Nobody reads this: the client has gone in the middle of its body, or has been told that it was too slow."""
    plain = ServerError("the body has ended early", status=400, hint="send it again")
    return JSONResponse(plain.to_dict(), 400)


async def _defect(_: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw: Starlette raises it again after the answer, so that the log has the traceback."""
    plain = ServerError(f"{type(error).__name__}: {error}", status=500, hint=f"{_LOOK}, and report it")
    return JSONResponse(_ascii(plain), 500)


def _ascii(error: SDError) -> dict[str, object]:
    """Half a surrogate pair in a message cannot be sent as UTF-8."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in error.to_dict().items()
    }
