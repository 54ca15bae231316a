"""Data passes from a background Blender: what they hold, and what becomes of the open scene."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sd_core import FramePasses, read_exr
from sd_core.errors import Cancelled, RequestError, SDError
from sd_core.passes import PositionSpace, motion_offsets, project, unproject
from tests.blender.scenes import needs_bpy, settings_of

pytestmark = [pytest.mark.blender, needs_bpy]

if importlib.util.find_spec("bpy") is not None:
    import bpy

    from blender_addon.scene.exr import read_passes
    from blender_addon.scene.passes import render as pass_render
    from tests.blender import scenes


@pytest.fixture
def scene() -> Iterator[object]:
    yield scenes.turning_cube()
    bpy.ops.wm.read_factory_settings(use_empty=True)


def rendered(scene: object, folder: Path, frames: tuple[int, ...], **options: object) -> list[FramePasses]:
    render = pass_render.prepare_render(
        scene, scene.view_layers[0].name, frames, folder, options=pass_render.PassOptions(**options)
    )
    return [read_passes(path) for path in render.run()]


def held(array: np.ndarray | None) -> np.ndarray:
    assert array is not None
    return np.asarray(array)


def test_every_pass_is_there_and_as_openexr_reads_it(scene: object, tmp_path: Path) -> None:
    (ours,) = rendered(scene, tmp_path, (1,), overscan=8)
    theirs = read_exr(tmp_path / "000001.exr")
    for name in ("depth", "motion", "image", "object_id", "position", "normal", "uv"):
        assert np.array_equal(held(getattr(ours, name)), held(getattr(theirs, name)), equal_nan=True), name
    assert ours.position_space is PositionSpace.REST
    assert ours.camera == theirs.camera


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"resolution": (50, 90)},
        {"resolution": (90, 88), "shift": (0.2, -0.1)},
        {"resolution": (88, 90), "fit": "VERTICAL", "aspect": (1.0, 1.5)},
        {"resolution": (101, 67), "fit": "HORIZONTAL", "aspect": (2.0, 1.0), "shift": (0.1, 0.2)},
        {"resolution": (64, 128), "aspect": (1.0, 3.0)},
        {"resolution": (100, 60), "kind": "ORTHO"},
    ],
)
def test_overscan_keeps_every_pixel_of_the_picture(scene: object, tmp_path: Path, change: dict[str, object]) -> None:
    scenes.change_camera(scene, **change)
    (small,) = rendered(scene, tmp_path / "small", (2,), rest=False)
    (large,) = rendered(scene, tmp_path / "large", (2,), rest=False, overscan=24)
    near, far = held(small.position), held(large.position)[24:-24, 24:-24]
    assert near.shape == far.shape
    both = np.isfinite(held(small.depth)) & np.isfinite(held(large.depth)[24:-24, 24:-24])
    assert both.mean() > 0.3
    assert np.median(np.abs(near - far)[both]) < 2e-3


def test_the_sidecar_holds_the_camera_that_saw_the_overscan(scene: object, tmp_path: Path) -> None:
    scenes.change_camera(scene, resolution=(75, 53), shift=(0.1, -0.07))
    (passes,) = rendered(scene, tmp_path, (2,), rest=False, overscan=16)
    assert passes.camera is not None
    depth, position = held(passes.depth), held(passes.position).astype(np.float64)
    seen = np.isfinite(depth)
    assert np.abs(unproject(depth, passes.camera) - position)[seen].max() < 5e-3


@pytest.mark.parametrize(
    ("setting", "start", "end"),
    [("lens", 30.0, 60.0), ("shift_x", -0.2, 0.3), ("shift_y", 0.1, -0.2), ("sensor_width", 36.0, 60.0)],
)
def test_an_animated_lens_reaches_the_data(
    scene: object, tmp_path: Path, setting: str, start: float, end: float
) -> None:
    """The floor stands still: a point of it was, and will be, where the cameras of those frames see it."""
    camera = scene.camera.data
    for frame, value in ((1, start), (3, end)):
        setattr(camera, setting, value)
        camera.keyframe_insert(setting, frame=frame)
    before, now, after = rendered(scene, tmp_path, (1, 2, 3), rest=False, overscan=8)
    floor = held(now.object_id) == held(now.object_id)[-1, 0]
    rows, columns = np.mgrid[0 : floor.shape[0], 0 : floor.shape[1]] + 0.5
    for other, found in zip((before, after), motion_offsets(held(now.motion)), strict=True):
        assert other.camera is not None
        there, _ = project(held(now.position).astype(np.float64), other.camera)
        expected = there - np.stack([columns, rows], -1)
        assert np.abs(expected[floor]).max() > 2
        assert np.abs(found - expected)[floor].max() < 0.1


def test_an_animated_orthographic_scale_reaches_the_data(scene: object, tmp_path: Path) -> None:
    """Such a camera maps points to pixels by an affine map, which each frame's own positions tell."""
    scenes.change_camera(scene, kind="ORTHO")
    for frame, scale in ((1, 4.0), (3, 7.0)):
        scene.camera.rotation_euler.z = scale / 20
        scene.camera.keyframe_insert("rotation_euler", frame=frame)
        scene.camera.data.ortho_scale = scale
        scene.camera.data.keyframe_insert("ortho_scale", frame=frame)
    before, now, after = rendered(scene, tmp_path, (1, 2, 3), rest=False, overscan=8)
    rows, columns = np.mgrid[0 : now.depth.shape[0], 0 : now.depth.shape[1]] + 0.5
    pixels = np.stack([columns, rows], -1)

    def floor_of(passes: FramePasses) -> tuple[np.ndarray, np.ndarray]:
        there = held(passes.object_id) == scenes.crypto_id("Floor")
        points = held(passes.position)[there].astype(np.float64)
        return there, np.column_stack([points[:, :2], np.ones(len(points))])

    mine, points = floor_of(now)
    for other, found in zip((before, after), motion_offsets(held(now.motion)), strict=True):
        theirs, seen = floor_of(other)
        affine, *_ = np.linalg.lstsq(seen, pixels[theirs], rcond=None)
        expected = points @ affine - pixels[mine]
        assert np.abs(expected).max() > 2
        assert np.abs(found[mine] - expected).max() < 0.1


def test_rest_positions_stay_with_the_surface_while_it_moves_turns_and_deforms(scene: object, tmp_path: Path) -> None:
    before, now = rendered(scene, tmp_path, (1, 3), overscan=0)
    cube = scenes.crypto_id("Cube")
    for passes in (before, now):
        on_cube = held(passes.object_id) == cube
        assert on_cube.sum() > 100
        rest = held(passes.position)[on_cube]
        apart = rest.min(0)
        assert np.allclose(np.ptp(rest, 0), 2, atol=0.25), "a cube with a side of 2, twisted or not"
        # Each visible point lies on one of the faces of the undeformed cube.
        assert (np.abs(np.abs(rest - (apart + np.ptp(rest, 0) / 2)).max(1) - 1) < 0.15).mean() > 0.95


def test_objects_without_a_material_or_a_mesh_have_rest_positions(scene: object, tmp_path: Path) -> None:
    bpy.ops.object.text_add(location=(-2, -2, 1), rotation=(1.2, 0, 0))
    bpy.ops.mesh.primitive_uv_sphere_add(location=(2, -1, 1))
    (passes,) = rendered(scene, tmp_path, (1,))
    for name in ("Text", "Sphere"):
        rest = held(passes.position)[held(passes.object_id) == scenes.crypto_id(name)]
        assert len(rest) > 20
        assert np.ptp(rest, 0).max() > 0.5, name


def test_a_cut_between_cameras_is_reported(scene: object, tmp_path: Path) -> None:
    bpy.ops.object.camera_add(location=(5, -3, 3), rotation=(1.1, 0, 1.0))
    scene.timeline_markers.new("a", frame=1).camera = scene.camera
    scene.timeline_markers.new("b", frame=3).camera = bpy.context.object
    frames = rendered(scene, tmp_path, (1, 2, 3, 4))
    assert [passes.cut for passes in frames] == [False, False, True, False]
    assert frames[2].camera is not None
    assert np.allclose(frames[2].camera.matrix_world[:3, 3], (5, -3, 3))


def test_the_open_scene_is_not_touched(scene: object, tmp_path: Path) -> None:
    scene.frame_set(2)
    before = settings_of(scene)
    count = len(bpy.data.objects), len(bpy.data.materials), len(bpy.data.cameras), bpy.data.filepath
    rendered(scene, tmp_path, (1,), overscan=16)
    assert settings_of(scene) == before
    assert (len(bpy.data.objects), len(bpy.data.materials), len(bpy.data.cameras), bpy.data.filepath) == count


def test_cancel_kills_the_process_and_frames_that_are_whole_are_taken_up_again(scene: object, tmp_path: Path) -> None:
    before = settings_of(scene)
    name = scene.view_layers[0].name
    render = pass_render.prepare_render(scene, name, range(1, 200), tmp_path)
    with pytest.raises(Cancelled):
        render.run(lambda done, count: render.cancel() if done == 2 else None)
    assert settings_of(scene) == before
    finished = sorted(path.name for path in tmp_path.glob("0*.exr"))
    assert finished[:2] == ["000001.exr", "000002.exr"]
    assert len(finished) < 150
    times = {path: (tmp_path / path).stat().st_mtime_ns for path in finished[:2]}
    assert len(pass_render.prepare_render(scene, name, (1, 2, 5), tmp_path).run()) == 3
    assert {path: (tmp_path / path).stat().st_mtime_ns for path in finished[:2]} == times


def test_the_background_process_ends_with_its_parent(scene: object, tmp_path: Path) -> None:
    render = pass_render.prepare_render(scene, scene.view_layers[0].name, range(1, 500), tmp_path)
    with subprocess.Popen(render.command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 3


def test_one_goes_on_with_the_copy_that_was_saved_and_not_with_the_scene_of_now(scene: object, tmp_path: Path) -> None:
    name = scene.view_layers[0].name
    with pytest.raises(RequestError, match="no interrupted run"):
        pass_render.prepare_render(scene, name, (1, 2), tmp_path, resume=True)
    first = read_passes(pass_render.prepare_render(scene, name, (1, 2), tmp_path).run()[1])
    (tmp_path / "000002.exr").unlink()
    bpy.data.objects["Cube"].scale = (0.1, 0.1, 0.1)
    assert read_passes(pass_render.prepare_render(scene, name, (1, 2), tmp_path, resume=True).run()[1]) == first
    with pytest.raises(RequestError, match="frame range"):
        pass_render.prepare_render(scene, name, (1, 3), tmp_path, resume=True)


def test_a_scene_without_a_camera_or_with_a_panorama_is_refused(scene: object, tmp_path: Path) -> None:
    scene.camera.data.type = "PANO"
    with pytest.raises(RequestError, match="panorama"):
        pass_render.prepare_render(scene, scene.view_layers[0].name, (1,), tmp_path)
    scene.camera = None
    with pytest.raises(RequestError, match="camera"):
        pass_render.prepare_render(scene, scene.view_layers[0].name, (1,), tmp_path)


def test_a_failure_in_the_background_is_reported(scene: object, tmp_path: Path) -> None:
    (tmp_path / "000001.json").mkdir()
    with pytest.raises(SDError, match="000001"):
        pass_render.prepare_render(scene, scene.view_layers[0].name, (1,), tmp_path).run()


def test_a_damaged_file_is_named(scene: object, tmp_path: Path) -> None:
    rendered(scene, tmp_path, (1,))
    path = tmp_path / "000001.exr"
    whole = path.read_bytes()
    for cut in (10, 500, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(RequestError, match="000001"):
            read_passes(path)
