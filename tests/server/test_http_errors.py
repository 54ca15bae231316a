"""Errors as a client reads them."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from sd_core.client.transport import Answer, error_of_answer
from sd_core.errors import EngineDied, ModelNotFound, OutputError, RequestError, SDError, ServerError
from sd_core.server import http_errors, shortage
from sd_core.server.shortage import Shortage


def told(error: Exception, noted: list[str] | None = None) -> tuple[int, SDError]:
    """Status, and error as the client makes it of the answer, where a route raises `error`."""
    app = FastAPI()
    http_errors.install(app, ([] if noted is None else noted).append)

    @app.get("/")
    async def fail() -> None:
        raise error

    answer = TestClient(app, raise_server_exceptions=False).get("/")
    return answer.status_code, error_of_answer(Answer(answer.status_code, answer.content))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestError("width", "must be a multiple of 8, got 515", hint="use 512"), 422),
        (ModelNotFound("sd15", hint="pull it"), 422),
        (OutputError("blobs", "has no room", hint="free some space"), 507),
        (ServerError("there is no job x", status=404, hint="list them"), 404),
        (EngineDied("the engine ended", hint="try again"), 500),
    ],
    ids=lambda held: type(held).__name__,
)
def test_an_error_reaches_the_client_as_it_was_raised(error: SDError, status: int) -> None:
    code, found = told(error)
    assert code == status
    assert (type(found), found.to_dict()) == (type(error), error.to_dict())


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), HTTPException(503), HTTPException(405)])
def test_what_nobody_foresaw_is_reported_with_a_remedy(error: Exception) -> None:
    code, found = told(error)
    assert isinstance(found, ServerError) and found.status == code
    assert found.message and ("logs folder" in found.hint if code >= 500 else "/docs" in found.hint)


@pytest.mark.parametrize(
    ("number", "status"), [(errno.ENOSPC, 507), (errno.ENOENT, 503), (errno.EROFS, 503), (errno.EMFILE, 503)]
)
def test_a_disk_that_cannot_be_used_is_reported_in_a_sentence_without_its_place(number: int, status: int) -> None:
    noted: list[str] = []
    code, found = told(OSError(number, os.strerror(number), "/somewhere/blobs"), noted)
    assert code == status
    assert "/somewhere" not in str(found.to_dict())
    assert "/somewhere/blobs" in noted[0]


@pytest.mark.parametrize(
    "error", [OSError("no number"), ConnectionResetError(errno.ECONNRESET, "reset"), TimeoutError()]
)
def test_what_is_no_matter_of_files_stays_a_defect(error: Exception) -> None:
    noted: list[str] = []
    assert told(error, noted)[0] == 500
    assert not noted


def test_what_could_not_be_written_is_a_problem_for_a_while(tmp_path: Path) -> None:
    now = [1e9]
    held = Shortage(tmp_path, lambda: now[0])
    assert held.problems == []
    held.note("no space is left")
    assert held.problems == [
        "something was refused at 2001-09-09 01:46:40 UTC, as it could not be written: no space is left"
    ]
    now[0] += 601
    assert held.problems == []


def test_a_full_disk_and_a_home_that_is_gone_are_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    held = Shortage(home)
    monkeypatch.setattr(shortage, "_LEAST_FREE", shutil.disk_usage(home).total + 1)
    assert "is full" in held.problems[0]
    home.rmdir()
    assert "cannot be used: No such file" in held.problems[0]
