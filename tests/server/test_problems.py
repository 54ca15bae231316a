"""Errors as a client reads them."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from sd_core.client.transport import Answer, error_of
from sd_core.errors import EngineDied, ModelNotFound, OutputError, RequestError, SDError, ServerError
from sd_core.server import problems


def told(error: Exception) -> tuple[int, SDError]:
    """Status, and error as the client makes it of the answer, where a route raises `error`."""
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    answer = TestClient(app, raise_server_exceptions=False).get("/")
    return answer.status_code, error_of(Answer(answer.status_code, answer.content))


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
def test_what_nobody_foresaw_is_told_with_a_remedy(error: Exception) -> None:
    code, found = told(error)
    assert isinstance(found, ServerError) and found.status == code
    assert found.message and ("logs folder" in found.hint if code >= 500 else "/docs" in found.hint)
