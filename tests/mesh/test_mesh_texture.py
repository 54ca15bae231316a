"""A mesh is painted view by view; a run that is stopped goes on as if it had not been."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sd_core.encoding import encode_png
from sd_core.engine import Engine
from sd_core.errors import Cancelled, OutputError, RequestError
from sd_core.events import FrameEvent
from sd_core.outputs import MANIFEST, is_whole
from sd_core.outputs.manifest import manifest_bytes, read_manifest
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


def test_every_view_is_reported_and_the_texture_is_whole(engine: Engine) -> None:
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


def test_views_are_not_thrown_away_damaged_ones_are_made_again_and_changed_ones_refused(
    engine: Engine, painted: Result, tmp_path: Path
) -> None:
    out = tmp_path / "views"
    (tmp_path / "views").mkdir()
    (out / "view_mine.png").write_bytes(b"mine")
    engine.run(request(), output=out)
    with pytest.raises(RequestError, match=r"views of this request; resume=True"):
        engine.run(request(), output=out)
    first = out / "view_00.png"
    raw = first.read_bytes()
    first.write_bytes(raw[:-20])
    result = engine.run(request(), output=out, resume=True)
    assert first.read_bytes() == raw and any("was damaged" in warning for warning in result.warnings)
    assert (out / "view_00.changed.png").read_bytes() == raw[:-20]
    assert np.array_equal(result.images[0], painted.images[0])
    first.write_bytes((out / "view_01.png").read_bytes())
    with pytest.raises(RequestError, match=r"view_00\.png has been changed since it was made"):
        engine.run(request(), output=out, resume=True)
    result = engine.run(request(max_views=1), output=out, overwrite=True)
    assert is_whole(first) and not (out / "view_01.png").exists()
    assert (out / "view_00.changed2.png").is_file() and any(
        "view_00.changed2.png" in warning for warning in result.warnings
    )
    assert (out / "view_mine.png").read_bytes() == b"mine"


def test_somebody_elses_view_is_named_before_anything_is_touched(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "view_00.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"view_00\.png: lies where a file is to be written"):
        engine.run(request(), output=tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["view_00.png"]


def test_views_of_an_earlier_version_are_gone_on_with(engine: Engine, painted: Result, tmp_path: Path) -> None:
    engine.run(request(), output=tmp_path)
    about = json.loads((tmp_path / "sd_core.manifest.json").read_bytes())["about"]
    about = {name: text.replace('"format": 1, ', "") for name, text in about.items()}  # there was no number yet
    (tmp_path / "mesh_texture.json").write_text(json.dumps(about))
    (tmp_path / "sd_core.manifest.json").unlink()
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("view_*.png")}
    with pytest.raises(RequestError, match=r"views of this request, of an earlier version; resume=True"):
        engine.run(request(), output=tmp_path)
    with pytest.raises(OutputError, match=r"view_00\.png: lies where a file is to be written"):
        engine.run(request(), output=tmp_path, overwrite=True)
    result = engine.run(request(), output=tmp_path, resume=True)
    assert np.array_equal(result.images[0], painted.images[0])
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("view_*.png")} == times


def test_a_note_that_somebody_else_wrote_makes_no_view_ours(engine: Engine, tmp_path: Path) -> None:
    for name in ("view_00.png", "view_77.png"):
        (tmp_path / name).write_bytes(encode_png(np.zeros((8, 8, 3), np.uint8)))
    (tmp_path / "mesh_texture.json").write_text('{"asked": "x", "resolved": "y"}')
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RequestError, match="of another request, of an earlier version; move them away"):
        engine.run(request(), output=tmp_path)
    with pytest.raises(RequestError, match="belongs to another request"):
        engine.run(request(), output=tmp_path, resume=True)
    with pytest.raises(OutputError, match=r"view_00\.png: lies where a file is to be written"):
        engine.run(request(), output=tmp_path, overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_views_that_somebody_else_made_choose_no_model(engine: Engine, tmp_path: Path) -> None:
    asked = request(max_views=1)
    engine.run(asked, output=tmp_path / "views")
    manifest = tmp_path / "views" / MANIFEST
    noted = read_manifest(manifest, "mesh views", re.compile(r".*"))
    assert noted is not None
    resolved = json.loads(noted.about["resolved"])
    noted.about["resolved"] = json.dumps({**resolved, "model": "/somebody/elses"})
    manifest.write_bytes(manifest_bytes(noted))
    with pytest.raises(RequestError, match="was begun with the model '/somebody/elses'"):
        engine.run(asked, output=tmp_path / "views", resume=True)


def test_another_requests_views_are_not_taken(engine: Engine, tmp_path: Path) -> None:
    engine.run(request(max_views=1), output=tmp_path / "views")
    with pytest.raises(RequestError, match="belongs to another request"):
        engine.run(request(max_views=1, prompt="marble"), output=tmp_path / "views", resume=True)
    with pytest.raises(RequestError, match="needs an output folder"):
        engine.run(request(max_views=1), resume=True)


def test_wishes_of_a_request_reach_the_maps_of_a_mesh(engine: Engine, painted: Result) -> None:
    wished = engine.run(request(metallic=0.25, relief=0.0))
    assert np.array_equal(wished.images[0], painted.images[0])
    assert (wished.maps["metallic"] == 0.25).all() and np.ptp(wished.maps["normal"][..., :2]) < 1e-6
