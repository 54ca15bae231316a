"""Errors say what, where and what to do, and travel as dicts; a job's events say what they are."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from sd_core import errors
from sd_core.errors import SDError, error_from_dict
from sd_core.events import (
    LAST_KINDS,
    CancelledEvent,
    EventKind,
    Failed,
    FrameEvent,
    Loading,
    Queued,
    ResultEvent,
    StepEvent,
)
from sd_core.requests import TextToImage
from sd_core.results import Result

ERRORS = [
    SDError("it broke", hint="mend it"),
    errors.RequestError("width", "must be a multiple of 8, got 515", hint="use 512 or 520"),
    errors.NotAllowed("model", "is not allowed", names=[{"place": "model", "shown": "/x"}], hint="allow it"),
    errors.ModelNotFound("sd15", "unet/model.safetensors is missing", hint="pull it"),
    errors.ModelMismatch("the LoRA is for sdxl, the model is sd1", hint="use another"),
    errors.OutOfMemory(2 * 1024**3, 1024**3),
    errors.OutputError("/full/wall.png", "cannot be written", hint="free some space"),
    errors.Cancelled(),
    errors.EngineDied("the engine ended with signal 9", hint="see the log"),
    errors.ServerError("bad gateway", status=502, hint="start it again"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_travels_as_json(error: SDError) -> None:
    again = error_from_dict(json.loads(json.dumps(error.to_dict())))
    assert type(again) is type(error) and str(again) == str(error) and again.to_dict() == error.to_dict()
    assert str(copy.copy(error)) == str(error)


def test_every_class_of_error_is_tried_here() -> None:
    classes = {cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, SDError)}
    assert {type(error) for error in ERRORS} == classes


def test_the_text_of_an_error_is_field_message_and_remedy() -> None:
    assert str(ERRORS[1]) == "width: must be a multiple of 8, got 515; use 512 or 520"
    assert str(errors.OutOfMemory(2 * 1024**3, 1024**3)).startswith("needs 2.00 GiB of memory, 1.00 GiB are free; ")
    assert str(errors.Cancelled()) == "cancelled"


@pytest.mark.parametrize("data", [{}, {"error": "ValueError"}, {"error": "RequestError"}, {"error": None}])
def test_a_dict_that_is_no_error_is_refused(data: dict[str, str]) -> None:
    with pytest.raises(errors.RequestError, match=r"^error: "):
        error_from_dict(data)


def test_every_kind_of_event_exists_once_and_the_last_ones_end_a_job() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    result = Result(images=[pixels], request=TextToImage(prompt="a"))
    events = [
        Queued(), Loading("sd15"), StepEvent(0, 4, 1.5, pixels), FrameEvent(0, pixels, {"error": 0.1}),
        ResultEvent(result), Failed(ERRORS[0]), CancelledEvent(),
    ]  # fmt: skip
    assert [event.kind for event in events] == list(EventKind)
    assert [event.kind for event in events if event.kind in LAST_KINDS] == ["result", "failed", "cancelled"]
