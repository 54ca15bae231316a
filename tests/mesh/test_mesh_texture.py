"""A mesh is painted view by view; a run that is stopped goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sd_core.engine import Engine
from sd_core.errors import Cancelled, RequestError
from sd_core.events import FrameEvent
from sd_core.requests import MeshTexture
from sd_core.results import Result
from sd_core.values import array_digest
from tests.conftest import Built
from tests.mesh import shapes
from tests.tiny import TinyKind


@pytest.fixture(scope="module")
def engine(tiny: Built) -> Iterator[Engine]:
    """An SD2-depth model: depth needs no ControlNet."""
    with Engine(model=str(tiny(TinyKind.SD2_DEPTH)), device="cpu", dtype="float32") as shared:
        yield shared


def request(**fields: Any) -> MeshTexture:
    given: dict[str, Any] = {
        "prompt": "rusty iron", "seed": 2, "mesh": shapes.plain(shapes.torus()), "texture_size": 128, "max_views": 4,
        "width": 128, "height": 128, "num_inference_steps": 3,
    }  # fmt: skip
    return MeshTexture(**(given | fields))


@pytest.fixture(scope="module")
def painted(engine: Engine) -> Result:
    return engine.run(request())


def test_every_view_is_told_and_the_texture_is_whole(engine: Engine) -> None:
    events = list(engine.stream(request()))
    views = [event for event in events if isinstance(event, FrameEvent)]
    assert [view.index for view in views] == list(range(len(views))) and 2 <= len(views) <= 4
    assert views[0].figures["new"] == 1.0 and all(view.image.shape == (128, 128, 3) for view in views)
    result = events[-1].result
    assert result.images[0].shape == (128, 128, 3) and result.images[0].dtype == np.uint8
    assert result.report["seen"] > 0.95 and set(result.maps) >= {"normal", "roughness", "metallic"}


def test_the_mesh_is_given_back_unchanged_with_its_uvs(painted: Result) -> None:
    given, made = shapes.plain(shapes.torus()), painted.mesh
    assert array_digest(made.vertices) == array_digest(given.vertices)
    assert array_digest(made.faces) == array_digest(given.faces)
    assert made.uvs.shape == (len(made.faces), 3, 2)


def test_the_same_request_gives_the_same_texture(engine: Engine, painted: Result) -> None:
    assert np.array_equal(engine.run(request()).images[0], painted.images[0])


def test_views_that_the_result_names_paint_the_same_texture(engine: Engine, painted: Result) -> None:
    assert painted.request.views is not None
    assert np.array_equal(engine.run(painted.request).images[0], painted.images[0])


def test_a_run_that_was_cancelled_goes_on_to_the_same_texture(engine: Engine, painted: Result, tmp_path: Path) -> None:
    job = engine.submit(request(), output=tmp_path / "views")
    for event in job.events():
        if isinstance(event, FrameEvent):
            job.cancel()
    with pytest.raises(Cancelled):
        job.result()
    kept = sorted((tmp_path / "views").glob("view_*.png"))
    assert kept
    times = [path.stat().st_mtime_ns for path in kept]
    resumed = engine.run(request(), output=tmp_path / "views", resume=True)
    assert np.array_equal(resumed.images[0], painted.images[0])
    assert [path.stat().st_mtime_ns for path in kept] == times


def test_another_requests_views_are_not_taken(engine: Engine, tmp_path: Path) -> None:
    engine.run(request(max_views=1), output=tmp_path / "views")
    with pytest.raises(RequestError, match="another request's views"):
        engine.run(request(max_views=1, prompt="marble"), output=tmp_path / "views", resume=True)
    with pytest.raises(RequestError, match="needs an output folder"):
        engine.run(request(max_views=1), resume=True)
