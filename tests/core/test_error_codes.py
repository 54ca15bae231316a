"""Codes of errors: each has a remedy and is raised somewhere, travels, and never means something else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sd_core.error_codes import REMEDIES, ErrorCode, code_of_status
from sd_core.errors import EngineDied, ModelNotFound, OutOfMemory, RequestError, SDError, ServerError, error_from_dict
from sd_core.requests import from_json

ROOT = Path(__file__).parents[2]
SOURCES = [path for top in ("sd_core", "blender_addon", "jupyter_ext") for path in sorted((ROOT / top).rglob("*.py"))]


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_remedy_and_is_used(code: ErrorCode) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", code)
    assert REMEDIES[code].endswith(".")
    used = [path for path in SOURCES if f"ErrorCode.{code.name}" in path.read_text(encoding="utf-8")]
    assert len(used) > (0 if code.startswith("server-") else 1), "the table of remedies is one of them"


def test_the_codes_of_today_stay() -> None:
    assert {
        "failed", "invalid-value", "unknown-field", "newer-format", "size-not-multiple-of-8", "mask-unusable", "not-allowed",
        "model-not-found", "lora-not-found", "model-mismatch", "out-of-memory", "output-failed", "output-exists", "cancelled",
        "engine-died", "server-unreachable", "server-token", "cannot-resume",
    } <= set(ErrorCode)  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SDError("a"), "failed"),
        (RequestError("seed", "a"), "invalid-value"),
        (RequestError("image", "a", code=ErrorCode.SIZE_NOT_MULTIPLE_OF_8), "size-not-multiple-of-8"),
        (ModelNotFound("x"), "model-not-found"),
        (ModelNotFound("x", code=ErrorCode.LORA_NOT_FOUND), "lora-not-found"),
        (OutOfMemory(2, 1), "out-of-memory"),
        (EngineDied("a"), "engine-died"),
        (ServerError("a"), "server-unreachable"),
        (ServerError("a", status=401), "server-token"),
        (ServerError("a", status=418), "server-failed"),
    ],
)
def test_a_code_travels_with_its_error(error: SDError, code: str) -> None:
    sent = json.loads(json.dumps(error.to_dict()))
    assert sent["code"] == code
    assert error_from_dict(sent).code == code


def test_an_error_of_an_older_or_newer_version_has_the_code_of_its_class() -> None:
    sent = RequestError("seed", "a").to_dict()
    assert error_from_dict({name: held for name, held in sent.items() if name != "code"}).code == "invalid-value"
    assert error_from_dict(sent | {"code": "from-the-future"}).code == "invalid-value"
    assert error_from_dict(sent | {"code": ["odd"]}).code == "invalid-value"


def test_a_status_has_a_code() -> None:
    assert code_of_status(507) is ErrorCode.SERVER_FULL
    assert code_of_status(500) is ErrorCode.SERVER_FAILED


def test_json_of_a_request_gives_the_codes_that_python_gives() -> None:
    text = '{"type": "MeshTexture", "format": 1, "prompt": "moss", "mesh": "ball.glb", "seamless": "xy"}'
    with pytest.raises(RequestError) as refused:
        from_json(text)
    assert refused.value.code is ErrorCode.UNUSED_FIELD
