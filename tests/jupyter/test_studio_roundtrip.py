"""A request survives every way through the notebook: the form, a `%%sd` cell, a PNG, its own Python."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings

from jupyter_ext.arguments import read_line
from jupyter_ext.forms import MODES
from jupyter_ext.studio import Studio
from sd_core.errors import RequestError
from sd_core.metadata import load_request
from sd_core.requests import Animation, MeshTexture, Request
from sd_core.results import Result
from sd_core.saving import image_request, save_arrays
from tests.core.strategies import requests
from tests.jupyter.cells import to_cell

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

_studio: list[Studio] = []


def studio() -> Studio:
    """One studio for all examples: what an earlier request left in the form must not show in the next."""
    if not _studio:
        _studio.append(Studio())
    return _studio[0]


@SLOW
@given(requests)
def test_a_request_shown_in_the_form_is_read_back_equal(request: Request) -> None:
    shown = studio()
    shown.request = request
    assert shown._forms.read() == request
    assert MODES[shown._panel.modes.value] is type(request)


@SLOW
@given(requests)
def test_a_request_written_as_a_cell_is_read_back_equal(request: Request) -> None:
    try:
        cell = to_cell(request)
    except RequestError:
        assume(not isinstance(request, Animation) and not (isinstance(request, MeshTexture) and request.views))
        raise
    line, body = cell.source.removeprefix("%%sd ").split("\n", 1)
    wanted = read_line(line, body if hasattr(request, "prompt") else None, cell.variables)
    assert wanted is not None and wanted.request == request


@SLOW
@given(requests)
def test_a_request_saved_in_its_pictures_is_read_back_equal(request: Request) -> None:
    count = getattr(request, "num_images", 1)
    with TemporaryDirectory() as folder:
        pictures = [np.zeros((8, 8, 3), np.uint8)] * count
        paths = Result(images=pictures, request=request).save(Path(folder) / "a.png")
        assert [load_request(path, trust=True) for path in paths[:count]] == [
            image_request(request, i) for i in range(count)
        ]


@SLOW
@given(requests)
def test_a_request_written_as_python_is_read_back_equal(request: Request) -> None:
    with TemporaryDirectory() as folder:
        save_arrays(request, Path(folder) / "inputs")
        names: dict[str, Any] = {}
        exec(request.to_python(Path(folder) / "inputs"), names)  # noqa: S102 - source that is to be run
        assert names["request"] == request
