"""A request survives every form that it takes: JSON, Python source, a saved picture."""

from __future__ import annotations

import json
import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np
from hypothesis import given, settings

import sd_core
from sd_core.requests import Generation, Request, from_json, replace
from sd_core.saving import save_arrays
from tests.core import strategies


@given(strategies.requests)
def test_json_and_back_gives_an_equal_request(request: Request) -> None:
    again = from_json(request.to_json(), request.arrays())
    assert again == request
    assert hash(again) == hash(request)
    assert again.to_json() == request.to_json()


@given(strategies.requests)
def test_json_names_the_type_and_every_field(request: Request) -> None:
    data = json.loads(request.to_json())
    assert data.pop("type") == type(request).__name__
    assert data.pop("format") == 1
    assert list(data) == [spec.name for spec in fields(request)]


@settings(max_examples=40)
@given(strategies.requests)
def test_python_source_makes_an_equal_request(request: Request) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_arrays(request, folder)
        names: dict[str, object] = {}
        exec(request.to_python(folder), names)  # noqa: S102 - that it runs is the law
    assert names["request"] == request


@settings(max_examples=40)
@given(strategies.requests)
def test_a_saved_png_carries_its_request(request: Request) -> None:
    if isinstance(request, Generation):
        request = replace(request, num_images=1)
    with tempfile.TemporaryDirectory() as folder:
        picture = np.zeros((8, 16, 3), np.uint8)
        path = sd_core.Result(images=[picture], request=request).save(Path(folder, "wall.png"))[0]
        assert sd_core.load_request(path, trust=True) == request


@given(strategies.requests)
def test_a_request_without_changes_is_itself(request: Request) -> None:
    assert replace(request) == request
