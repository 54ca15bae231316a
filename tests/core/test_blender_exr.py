"""What the real Blender renders, read back: every convention checked against the scene itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sd_core import FramePasses, read_exr
from sd_core.passes import camera_normals, depth_control, motion_offsets, project, unproject

pytestmark = pytest.mark.blender

RENDER = """
import sys
import bpy
import numpy as np
from mathutils import Vector
sys.path.insert(0, {root!r})
from sd_core.passes import Camera, Sidecar, blender_intrinsics, write_sidecar

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples, scene.cycles.pixel_filter_type, scene.cycles.filter_width = 1, "BOX", 0.01
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 96, 64, 100
scene.render.use_motion_blur, scene.render.film_transparent = False, True
bpy.ops.mesh.primitive_plane_add(size=4, location=(0, 0, -1))
bpy.ops.mesh.primitive_monkey_add(size=2)
monkey = bpy.context.object
for frame, place in ((1, (-0.5, 0, 0)), (3, (0.5, 0, 0.4))):
    monkey.location = place
    monkey.keyframe_insert("location", frame=frame)
bpy.ops.object.camera_add(location=(0.5, -6, 1.5), rotation=(1.35, 0.05, 0.1))
camera = scene.camera = bpy.context.object
camera.data.shift_x, camera.data.shift_y = 0.05, -0.1
camera.location = (0.3, -6, 1.5)
camera.keyframe_insert("location", frame=1)
camera.location = (0.7, -6.2, 1.4)
camera.keyframe_insert("location", frame=3)
bpy.ops.object.light_add(type="SUN")
layer = scene.view_layers[0]
for name in ("z", "vector", "normal", "uv", "position", "object_index", "cryptomatte_object", "combined"):
    setattr(layer, "use_pass_" + name, True)
if hasattr(scene.render.image_settings, "media_type"):
    scene.render.image_settings.media_type = "MULTI_LAYER_IMAGE"
scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
scene.render.image_settings.color_depth = "32"
for frame in (1, 2):
    scene.frame_set(frame)
    scene.render.filepath = {folder!r} + "/%04d.exr" % frame
    bpy.ops.render.render(write_still=True)
    data = camera.data
    intrinsics = blender_intrinsics((64, 96), data.lens, (data.sensor_width, data.sensor_height), data.sensor_fit,
                                    (data.shift_x, data.shift_y))
    write_sidecar(scene.render.filepath, Sidecar(camera=Camera(np.array(camera.matrix_world), intrinsics)))
"""


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> tuple[FramePasses, FramePasses]:
    """Frames 1 and 2 of a moving monkey on a plane, seen by a moving camera."""
    folder = tmp_path_factory.mktemp("render")
    source = RENDER.format(root=str(Path(__file__).resolve().parents[2]), folder=str(folder))
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return read_exr(folder / "0001.exr"), read_exr(folder / "0002.exr")


def held(array: np.ndarray | None) -> np.ndarray:
    assert array is not None
    return np.asarray(array)


def test_every_pass_is_there(frames: tuple[FramePasses, FramePasses]) -> None:
    for name in ("depth", "motion", "image", "object_id", "position", "normal", "uv", "camera"):
        assert getattr(frames[1], name) is not None, name


def test_depth_is_planar_and_the_camera_is_where_the_sidecar_says(frames: tuple[FramePasses, FramePasses]) -> None:
    passes = frames[1]
    assert passes.camera is not None
    depth, position = held(passes.depth), held(passes.position).astype(np.float64)
    seen = np.isfinite(depth)
    pixels, found = project(position, passes.camera)
    rows, columns = np.mgrid[0:64, 0:96] + 0.5
    assert 0.2 < seen.mean() < 0.9
    assert np.abs(found - depth)[seen].max() < 1e-4
    assert np.abs(pixels - np.stack([columns, rows], -1))[seen].max() < 0.02
    assert np.abs(unproject(depth, passes.camera) - position)[seen].max() < 2e-3


def test_motion_of_a_still_plane_is_that_of_the_camera(frames: tuple[FramePasses, FramePasses]) -> None:
    before, now = frames
    assert before.camera is not None
    plane = held(now.object_id) == held(now.object_id)[60, 48]
    was, _ = project(held(now.position).astype(np.float64), before.camera)
    rows, columns = np.mgrid[0:64, 0:96] + 0.5
    expected = was - np.stack([columns, rows], -1)
    assert np.abs(expected[plane]).max() > 1, "the camera moves"
    assert np.abs(motion_offsets(held(now.motion))[0] - expected)[plane].max() < 0.05


def test_motion_to_the_next_frame_lands_on_the_same_object(frames: tuple[FramePasses, FramePasses]) -> None:
    before, now = frames
    monkey = np.argwhere((held(before.object_id) != held(now.object_id)[60, 48]) & np.isfinite(held(before.depth)))
    moved = monkey[:, ::-1] + motion_offsets(held(before.motion))[1][monkey[:, 0], monkey[:, 1]]
    columns, rows = np.rint(moved).astype(int).T
    inside = (columns >= 0) & (columns < 96) & (rows >= 0) & (rows < 64)
    same = held(now.object_id)[rows[inside], columns[inside]] == held(before.object_id)[tuple(monkey[inside].T)]
    assert same.mean() > 0.9


def test_what_is_seen_faces_the_camera(frames: tuple[FramePasses, FramePasses]) -> None:
    passes = frames[1]
    assert passes.camera is not None
    depth = held(passes.depth)
    rays = unproject(np.where(np.isfinite(depth), depth, 1), passes.camera) - passes.camera.matrix_world[:3, 3]
    towards = camera_normals(-rays.astype(np.float32), passes.camera)
    facing = (camera_normals(held(passes.normal), passes.camera) * towards).sum(-1)[np.isfinite(depth)]
    assert (facing > -0.05).mean() > 0.99 and facing.max() <= 1.001


def test_objects_and_background_are_distinguished(frames: tuple[FramePasses, FramePasses]) -> None:
    passes = frames[1]
    ids, depth = held(passes.object_id), held(passes.depth)
    assert len(np.unique(ids)) == 3
    assert np.array_equal(ids == 0, np.isinf(depth))
    assert np.array_equal(depth_control(depth) == 0, np.isinf(depth) | (depth == depth[np.isfinite(depth)].max()))
    assert np.array_equal(held(passes.image)[..., 3] > 0, np.isfinite(depth))
