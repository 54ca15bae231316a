"""A set of objects is painted each by itself; a run that is killed goes on to the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from sd_core.engine import Engine
from sd_core.errors import Cancelled, RequestError
from sd_core.events import Event, FrameEvent, Loading, ResultEvent, StepEvent
from sd_core.mesh.box_projection import box_projection
from sd_core.mesh.objects import split_objects
from sd_core.mesh.prepare import prepare_mesh
from sd_core.mesh.surface import UP_Z
from sd_core.passes import Camera
from sd_core.requests import Mesh, MeshTexture, ObjectPaint
from sd_core.results import Result
from sd_core.texture.colour_match import ColourStatistics
from sd_core.values import array_digest, unit_floats
from sd_core.wire.results import result_from_dict, result_to_dict

SMALL: dict[str, Any] = {
    "prompt": "grey gravel", "seed": 2, "texture_size": 64, "max_views": 2, "width": 64, "height": 64,
    "num_inference_steps": 2,
}  # fmt: skip
NAMES = ("ball", "the box", "ground", "lamp")
OBJECTS = (
    ObjectPaint("the box", "green moss"),
    ObjectPaint("ground", surface="tile", tile_size=0.5),
    ObjectPaint("lamp", surface="keep"),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(device="cpu", dtype="float32") as shared:
        yield shared


def solids(*, moved: float = 0.0) -> list[trimesh.Trimesh]:
    ground = trimesh.Trimesh(
        [[-4, -4, -1], [4, -4, -1], [4, 4, -1], [-4, 4, -1]], [[0, 1, 2], [0, 2, 3]], process=False
    )
    move = trimesh.transformations.translation_matrix
    return [
        trimesh.creation.icosphere(2),
        trimesh.creation.box((1, 1, 1), move((2.5 + moved, 0, 0))),
        ground,
        trimesh.creation.icosphere(1).apply_transform(move((0, 3 + moved, 0))),
    ]


def set_of(parts: list[trimesh.Trimesh], names: tuple[str, ...] = NAMES) -> Mesh:
    joined = trimesh.util.concatenate(parts)
    numbers = np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts])
    # Boxes projected, since xatlas takes a second for each.
    uvs = [box_projection(np.asarray(p.vertices, np.float32), np.asarray(p.faces, np.int64), 64) for p in parts]
    return Mesh(
        vertices=np.asarray(joined.vertices, np.float32),
        faces=np.asarray(joined.faces, np.int32),
        uvs=np.concatenate(uvs),
        object_id=numbers.astype(np.uint32),
        object_names=names,
    )


def request(**fields: Any) -> MeshTexture:
    given: dict[str, Any] = {**SMALL, "mesh": set_of(solids()), "objects": OBJECTS}
    return MeshTexture(**(given | fields))


@pytest.fixture(scope="module")
def events(engine: Engine) -> list[Event]:
    return list(engine.stream(request()))


@pytest.fixture(scope="module")
def painted(events: list[Event]) -> Result:
    assert isinstance(events[-1], ResultEvent)
    return events[-1].result


def page(result: Result, name: str) -> np.ndarray:
    return np.asarray(result.images[result.report["textures"].index(name)])


def test_objects_are_reported_in_order_with_their_textures(painted: Result) -> None:
    about = painted.report["objects"]
    assert [each["name"] for each in about] == list(NAMES)
    assert [each["surface"] for each in about] == ["views", "views", "tile", "keep"]
    assert [each["textures"] for each in about] == [["ball"], ["the_box"], ["ground"], []]
    assert [each["prompt"] for each in about] == ["grey gravel", "green moss", "grey gravel", None]
    assert [each["tile_size"] for each in about] == [None, None, 0.5, None]
    assert painted.report["textures"] == ["ball", "the_box", "ground"] and painted.report["estimated_seconds"] > 0
    assert {"normal.ball", "height.ground", "roughness.the_box"} <= set(painted.maps)
    assert all(image.shape == (64, 64, 3) and image.dtype == np.uint8 for image in painted.images)


def colours_of(result: Result, number: int) -> ColourStatistics:
    """Of what an object's surface shows."""
    shown = unit_floats(np.asarray(result.images[number]))
    if result.report["objects"][number]["surface"] == "tile":
        return ColourStatistics.of(shown.reshape(-1, 3))
    texels = prepare_mesh(split_objects(result.mesh)[number].mesh, len(shown), UP_Z).texels
    return ColourStatistics.of(shown[texels.row, texels.column])


def test_the_mesh_comes_back_whole_with_uvs_and_pages(painted: Result) -> None:
    given, made = set_of(solids()), painted.mesh
    assert array_digest(made.vertices) == array_digest(given.vertices)
    assert array_digest(made.faces) == array_digest(given.faces) and made.object_names == NAMES
    pages = [np.unique(made.material_id[given.object_id == number]).tolist() for number in range(4)]
    assert pages == [[0], [1], [2], [3]], "the kept one has the number after the last page"
    ground = made.uvs[given.object_id == 2]
    assert np.ptp(ground[..., 0]) == pytest.approx(16), "8 units in repeats of half a unit"


def test_the_time_is_told_before_the_first_view_and_steps_count_over_the_set(events: list[Event]) -> None:
    told = [
        i for i, e in enumerate(events) if isinstance(e, Loading) and e.message.startswith("painting 3 objects from 5")
    ]
    frames = [event for event in events if isinstance(event, FrameEvent)]
    steps = [event for event in events if isinstance(event, StepEvent)]
    assert len(told) == 1 and told[0] < min(i for i, e in enumerate(events) if isinstance(e, StepEvent))
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert [(f.figures["object"], f.figures["view"]) for f in frames] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    assert [step.index for step in steps] == list(range(10)) and {step.count for step in steps} == {10}
    left = [step.seconds_left for step in steps]
    assert all(each is not None for each in left) and left[-1] == 0


def test_the_texture_of_an_object_hangs_on_nothing_but_that_object(engine: Engine, painted: Result) -> None:
    moved = [solids()[0], solids(moved=1.5)[1], *solids(moved=0.5)[2:]]
    other = engine.run(
        request(
            mesh=set_of(moved, ("ball", "crate", "ground", "lamp")),
            objects=(ObjectPaint("crate", "red brick", texture_size=128), *OBJECTS[1:]),
        )
    )
    assert np.array_equal(page(other, "ball"), page(painted, "ball"))
    alone = engine.run(request(mesh=set_of([solids()[1]], ("the box",)), objects=OBJECTS[:1]))
    assert np.array_equal(alone.images[0], page(painted, "the_box"))


def test_objects_of_one_prompt_and_seed_have_the_colours_of_the_first(engine: Engine) -> None:
    balls = [trimesh.creation.icosphere(2), trimesh.creation.icosphere(3), trimesh.creation.torus(1, 0.4)]
    result = engine.run(
        request(mesh=set_of(balls, ("a", "b", "c")), objects=(ObjectPaint("c", surface="tile"),), texture_size=128)
    )
    statistics = [colours_of(result, number) for number in range(3)]
    assert max(statistics[0].shift(other) for other in statistics[1:]) < 5


def test_views_of_a_shot_come_first(engine: Engine) -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = (0, 0, 40)
    shot = Camera(matrix, np.array([[64.0, 0, 32], [0, 64, 32], [0, 0, 1]]))
    wanted = ObjectPaint("ball", views=(shot,))
    result = engine.run(request(mesh=set_of(solids()[:1], ("ball",)), objects=(wanted,), max_views=3))
    about = result.report["objects"][0]
    assert 1 < about["views"] <= 3 and about["seen"] > 0.8
    assert result.request.objects == (wanted,)


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ((ObjectPaint("rock"),), r"objects\[0\]\.name: is no object of the mesh: 'rock'; it has ball, the box"),
        ((ObjectPaint("ball"), ObjectPaint("ball")), r"objects\[1\]\.name: names 'ball' twice"),
        (tuple(ObjectPaint(name, surface="keep") for name in NAMES), "objects: keep every object of the mesh"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(objects: tuple[ObjectPaint, ...], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        request(objects=objects)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tile_size": 2.0}, "tile_size: is for a tiling texture, ball has none"),
        (
            {"surface": "tile", "views": (Camera(np.eye(4), np.eye(3)),)},
            "views: do not paint ball, whose surface is tile",
        ),
        ({"surface": "keep", "prompt": "moss"}, "surface: keeps ball, but it has a prompt"),
        ({"surface": "tile", "tile_size": 0}, "tile_size: must be greater than 0"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        ObjectPaint("ball", **fields)


def test_names_of_objects_are_as_many_as_the_objects_and_each_once() -> None:
    with pytest.raises(RequestError, match="object_names: has 1 names for 4 objects"):
        set_of(solids(), ("ball",))
    with pytest.raises(RequestError, match="object_names: names 'a' twice"):
        set_of(solids(), ("a", "b", "a", "c"))
    sparse = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), None, np.array([4000000000]))
    with pytest.raises(RequestError, match="mesh: numbers its objects up to 4000000000"):
        request(mesh=sparse, objects=(ObjectPaint("x"),))


@pytest.mark.parametrize("name", ["views", "image", "mask"])
def test_what_holds_for_the_whole_mesh_is_refused_beside_objects(name: str) -> None:
    whole: dict[str, Any] = {
        "views": (Camera(np.eye(4), np.eye(3)),),
        "image": np.zeros((64, 64, 3), np.uint8),
        "mask": np.ones((64, 64), np.float32),
    }
    with pytest.raises(RequestError) as refused:
        request(**{name: whole[name]})
    assert refused.value.field == name and refused.value.hint


def test_a_tile_that_cannot_wrap_is_refused_before_anything_is_painted(engine: Engine, tmp_path: Path) -> None:
    tiny = ObjectPaint("ground", surface="tile", texture_size=100)
    with pytest.raises(RequestError, match="texture_size: is 100 for ground"):
        engine.run(request(objects=(tiny,)), output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_run_goes_on_by_object_and_view(engine: Engine, painted: Result, tmp_path: Path) -> None:
    job = engine.submit(request(), output=tmp_path)
    for event in job.events():
        if isinstance(event, FrameEvent) and event.index == 2:
            job.cancel()
    with pytest.raises(Cancelled):
        job.result()
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("object_*.png")}
    assert {f"object_0{o}_view_0{v}.png" for o, v in ((0, 0), (0, 1), (1, 0))} <= set(kept) and len(kept) < 5
    resumed_events = list(engine.stream(request(), output=tmp_path, resume=True))
    views = 5 - len(kept)
    assert any(isinstance(e, Loading) and f"from {views} view" in e.message for e in resumed_events)
    resumed = resumed_events[-1].result
    assert all(np.array_equal(a, b) for a, b in zip(resumed.images, painted.images, strict=True))
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in kept} == kept
    assert (tmp_path / "object_02_tile.png").is_file()


KILLED = """
import os, signal, sys
from sd_core.engine import Engine
from sd_core.events import Event, FrameEvent
from tests.mesh.test_mesh_objects import request
with Engine(device="cpu", dtype="float32") as engine:
    for event in engine.stream(request(), output=sys.argv[1], resume=sys.argv[2] == "resume"):
        if isinstance(event, FrameEvent) and event.index == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_runs_that_are_killed_at_every_picture_end_in_the_same_bytes(
    engine: Engine, painted: Result, tmp_path: Path
) -> None:
    for index in range(5):
        command = [sys.executable, "-c", KILLED, str(tmp_path), "resume" if index else "new", str(index)]
        assert subprocess.run(command, check=False, env={**os.environ}).returncode == -signal.SIGKILL
    resumed = engine.run(request(), output=tmp_path, resume=True)
    assert all(np.array_equal(a, b) for a, b in zip(resumed.images, painted.images, strict=True))
    assert all(np.array_equal(resumed.maps[name], painted.maps[name]) for name in painted.maps)


def test_results_go_over_the_wire_with_their_names(painted: Result) -> None:
    described, arrays = result_to_dict(painted)
    read = result_from_dict(described, painted.request, arrays.__getitem__)
    assert read.mesh == painted.mesh and read.report == painted.report
    del described["mesh"]["object_names"]
    assert result_from_dict(described, painted.request, arrays.__getitem__).mesh.object_names is None


def test_the_glb_has_a_textured_node_for_each_object(painted: Result, tmp_path: Path) -> None:
    painted.save(tmp_path / "set.glb")
    scene = trimesh.load_scene(tmp_path / "set.glb", process=False)
    assert sorted(scene.graph.nodes_geometry) == sorted(NAMES)
    for name in NAMES:
        material = scene.geometry[scene.graph[name][1]].visual.material
        texture = material.baseColorTexture
        assert (texture is None) is (name == "lamp")
        if texture is not None:
            shown = page(painted, {"the box": "the_box"}.get(name, name))
            assert np.array_equal(np.asarray(texture.convert("RGB")), shown)
    assert scene.geometry[scene.graph["ground"][1]].visual.uv[:, 0].max() > 15


def test_the_obj_has_its_objects_by_name(painted: Result, tmp_path: Path) -> None:
    painted.save(tmp_path / "set")
    text = (tmp_path / "set" / "grey_gravel.obj").read_text()
    assert [line for line in text.splitlines() if line[:2] == "o "] == [f"o {name}" for name in NAMES]
    assert "newmtl kept" in (tmp_path / "set" / "grey_gravel.mtl").read_text()
