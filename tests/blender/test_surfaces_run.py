"""Stylise Animation and Stylise Render by painted surfaces, on a real server with the built-in model."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core.errors import Cancelled
from sd_core.outputs.locks import try_lock
from tests.blender import scenes
from tests.blender.layouts import drawn
from tests.blender.scenes import needs_bpy
from tests.blender.stylising import SECONDS, farm, follow, pictures, start

pytestmark = [
    pytest.mark.blender,
    needs_bpy,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def scene(addon: ModuleType, tmp_path: Path) -> Any:
    """A cube with a material on a large ground, two frames of 48 x 32 px, painted in three steps."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    made = bpy.context.scene
    made.world = bpy.data.worlds.new("sky")
    bpy.ops.mesh.primitive_plane_add(size=40)
    bpy.context.object.name = "Ground"
    bpy.ops.mesh.primitive_cube_add(size=1.6, location=(0, 0, 0.8))
    bpy.context.object.data.materials.append(bpy.data.materials.new("paint"))
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0, 0.4))
    bpy.ops.object.camera_add(location=(0, -7, 2.5), rotation=(math.radians(74), 0, 0))
    made.camera = bpy.context.object
    for frame, x in ((1, -0.4), (2, 0.4)):
        made.camera.location.x = x
        made.camera.keyframe_insert("location", frame=frame)
    made.render.engine, made.cycles.samples = "CYCLES", 2
    made.render.resolution_x, made.render.resolution_y = 48, 32
    made.frame_start, made.frame_end = 1, 2
    scenes.small_pictures(made)
    made.sd_core.stylise.output = str(tmp_path / "out")
    made.sd_core.stylise.make_video = False
    made.frame_set(1)
    return made


@pytest.fixture
def untouched(scene: Any) -> Iterator[None]:
    """Whatever the test does, the scene is the same afterwards."""
    remembered = scenes.remembered(scene)
    yield
    scenes.compare(scene, remembered)


def run(**arguments: Any) -> Any:
    """The job of Stylise Animation, ended well."""
    job = start(**arguments)
    follow(job)
    assert job.error is None, job.error
    return job


def textures(folder: Path) -> dict[str, tuple[str, int]]:
    """Digest and time of change of each file of a texture."""
    everything = sorted((folder / "out" / "Scene" / "surfaces").glob("*"))
    held = [path for path in everything if re.match("[0-9a-f]{32}-", path.name)]
    return {path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in held}


@pytest.mark.usefixtures("untouched")
def test_the_first_run_paints_and_renders_and_the_second_one_only_renders(scene: Any, tmp_path: Path) -> None:
    foreign = tmp_path / "out" / "Scene" / "surfaces"
    foreign.mkdir(parents=True)
    (foreign / "mine.txt").write_text("mine")
    first = run()
    made, held = pictures(tmp_path), textures(tmp_path)
    assert list(made) == ["000001.png", "000002.png"]
    assert all(picture.shape == (32, 48, 3) for picture in made.values())
    assert sum(name.endswith(".json") for name in held) == 2, "one for the ground, one for the cube"
    assert not np.array_equal(made["000001.png"], made["000002.png"])
    assert first.request is not None
    second = run()
    assert second.request is None, "nothing was asked for"
    assert textures(tmp_path) == held
    again = pictures(tmp_path)
    assert all(np.array_equal(again[name], made[name]) for name in made)
    report = json.loads((tmp_path / "out" / "Scene" / "report.json").read_text())
    assert {surface["object"]: surface["surface"] for surface in report["surfaces"]} == {
        "Ground": "tile",
        "Cube": "views",
    }
    assert (foreign / "mine.txt").read_text() == "mine"
    assert {path.name for path in (tmp_path / "out" / "Scene").iterdir()} >= {
        "frames",
        "surfaces",
        "sd_core.manifest.json",
    }


@pytest.mark.usefixtures("untouched")
def test_a_cancelled_run_goes_on_where_it_was_and_gives_the_same_pictures(scene: Any, tmp_path: Path) -> None:
    run()
    reference = pictures(tmp_path)
    job = start()
    follow(job, lambda held: held.message == "1 / 2")
    job.cancel()
    follow(job)
    assert isinstance(job.error, Cancelled)
    assert len(pictures(tmp_path)) < 2
    run(again=True)
    made = pictures(tmp_path)
    assert made.keys() == reference.keys()
    assert all(np.array_equal(made[name], reference[name]) for name in made)


def test_a_killed_farm_task_is_taken_up_with_the_same_bytes(scene: Any, blender_home: Path, tmp_path: Path) -> None:
    import bpy

    scene.sd_core.stylise.output = str(tmp_path / "other")
    run()
    whole = {path.name: path.read_bytes() for path in (tmp_path / "other" / "Scene" / "frames").glob("*.png")}
    scene.sd_core.stylise.output = str(tmp_path / "out")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"), copy=True)
    task = farm(tmp_path / "shot.blend", "--method", "surfaces")
    assert task.stdout is not None
    for line in task.stdout:
        if "1 / 2" in line or "View 3" in line:
            break
    task.send_signal(signal.SIGKILL)
    task.communicate()
    resumed = farm(tmp_path / "shot.blend", "--method", "surfaces", "--resume")
    said, _ = resumed.communicate(timeout=SECONDS)
    assert resumed.returncode == 0, said
    frames = tmp_path / "out" / "Scene" / "frames"
    assert {path.name: path.read_bytes() for path in frames.glob("*.png")} == whole


def test_two_tasks_of_a_farm_paint_each_object_once(scene: Any, tmp_path: Path) -> None:
    import bpy

    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"), copy=True)
    tasks = [farm(tmp_path / "shot.blend", "--start", str(frame), "--end", str(frame)) for frame in (1, 2)]
    said = [task.communicate(timeout=SECONDS)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], said
    assert sum(name.endswith(".json") for name in textures(tmp_path)) == 2
    assert sum("View" in text or "painting 2 objects" in text for text in said) == 1, said
    assert list(pictures(tmp_path)) == ["000001.png", "000002.png"]


@pytest.mark.usefixtures("untouched")
def test_who_waits_for_another_painter_can_be_cancelled(scene: Any, tmp_path: Path) -> None:
    lock = tmp_path / "out" / "Scene" / ".sd_core" / "paint.lock"
    lock.parent.mkdir(parents=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT)
    assert try_lock(handle, lock)
    job = start()
    follow(job, lambda held: held.message == "Another task paints")
    job.cancel()
    follow(job)
    os.close(handle)
    assert isinstance(job.error, Cancelled)
    assert textures(tmp_path) == {}


def test_applied_textures_are_new_datablocks_and_a_repaint_changes_one_object(scene: Any, tmp_path: Path) -> None:
    import bpy

    from blender_addon import jobs

    cube, ground = bpy.data.objects["Cube"], bpy.data.objects["Ground"]
    own = bpy.data.materials["paint"]
    assert bpy.ops.sdcore.apply_surfaces() == {"FINISHED"}
    jobs.wait(jobs.running_jobs()[-1], SECONDS)
    shown = cube.material_slots[0].material
    assert shown != own
    assert cube.data.materials[0] == own, "the mesh keeps its own"
    assert ground.material_slots[0].material is not None
    held = textures(tmp_path)
    bpy.context.view_layer.objects.active = cube
    assert bpy.ops.sdcore.repaint_object() == {"FINISHED"}
    jobs.wait(jobs.running_jobs()[-1], SECONDS)
    later = textures(tmp_path)
    assert held.items() <= later.items(), "what was painted stays"
    assert sum(name.endswith(".json") for name in later) == 3
    assert cube.material_slots[0].material != shown
    assert cube.material_slots[0].material["sd_core_painted"] == "paint"


@pytest.mark.usefixtures("addon")
def test_the_panel_lists_what_was_found_and_a_prompt_is_the_objects_own(scene: Any) -> None:
    import bpy

    from blender_addon import jobs
    from blender_addon.panels.stylise import SDCORE_PT_stylise_animation

    assert bpy.ops.sdcore.find_objects() == {"FINISHED"}
    jobs.wait(jobs.running_jobs()[-1], SECONDS)
    rows = scene.sd_core.stylise.surfaces
    assert [row.name for row in rows] == ["Ground", "Cube"]
    assert rows[0].share > rows[1].share > 0
    rows[1].prompt, rows[0].keep = "blue tin", True
    assert bpy.data.objects["Cube"]["sd_core_prompt"] == "blue tin"
    assert bpy.data.objects["Ground"]["sd_core_keep"] is True
    rows[1].prompt, rows[0].keep = "", False
    assert "sd_core_prompt" not in bpy.data.objects["Cube"]
    assert "method" in drawn(SDCORE_PT_stylise_animation)


@pytest.mark.usefixtures("untouched")
def test_a_still_shows_the_textures_of_the_animation(scene: Any, tmp_path: Path) -> None:
    import bpy

    from blender_addon import jobs

    run()
    held, made = textures(tmp_path), pictures(tmp_path)["000001.png"]
    assert bpy.ops.sdcore.stylise_render() == {"FINISHED"}
    jobs.wait(jobs.running_jobs()[-1], SECONDS)
    from blender_addon.scene.images import read_pixels

    assert textures(tmp_path) == held
    assert np.array_equal(read_pixels(bpy.data.images["Scene 1 stylised"]).to_uint8(), made)


def test_what_was_ordered_otherwise_is_not_gone_on_with(scene: Any, tmp_path: Path) -> None:
    run()
    scene.sd_core.prompt = "another wall"
    with pytest.raises(RuntimeError, match="has changed since"):
        start(again=True)
    scene.sd_core.prompt = "a red wall"
    (tmp_path / "out" / "Scene" / "frames" / "000001.png").write_bytes(b"mine")
    run(again=True)
    assert (tmp_path / "out" / "Scene" / "frames" / "000001.png").read_bytes() != b"mine"


def test_somebody_elses_file_in_the_way_is_refused_before_the_work(scene: Any, tmp_path: Path) -> None:
    frames = tmp_path / "out" / "Scene" / "frames"
    frames.mkdir(parents=True)
    (frames / "000002.png").write_bytes(b"mine")
    with pytest.raises(RuntimeError, match="is not sd_core's"):
        start()
    assert (frames / "000002.png").read_bytes() == b"mine"


def test_the_method_is_chosen_by_what_can_be_painted(scene: Any) -> None:
    import bpy

    from blender_addon.stylise.method import chosen_method

    assert chosen_method(scene) == ("SURFACES", "all that is seen are surfaces")
    scene.sd_core.stylise.strength = 0.5
    assert chosen_method(scene) == ("FRAMES", "it is to begin from the render's colors")
    scene.sd_core.stylise.strength = 1
    smoke = bpy.data.objects.new("Smoke", bpy.data.volumes.new("Smoke"))
    scene.collection.objects.link(smoke)
    smoke.location, smoke.scale = (0, -3, 1), (3, 3, 3)
    bpy.context.view_layer.update()
    assert "Smoke" in chosen_method(scene)[1]
    scene.sd_core.stylise.method = "FRAMES"
    assert chosen_method(scene)[0] == "FRAMES"
    for item in (bpy.data.objects["Ground"], bpy.data.objects["Cube"]):
        bpy.data.objects.remove(item)
    scene.sd_core.stylise.method = "AUTO"
    assert chosen_method(scene) == ("FRAMES", "there is nothing to paint on but Smoke")
