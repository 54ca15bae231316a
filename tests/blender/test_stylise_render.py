"""Stylise Render on a real server with the built-in model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core import connect
from sd_core.errors import Cancelled, RequestError
from sd_core.metadata import REQUEST
from sd_core.requests import DepthToImage, from_json
from tests.blender import scenes
from tests.blender.scenes import needs_bpy, settings_of
from tests.blender.snapshot import differences, snapshot

pytestmark = [
    pytest.mark.blender,
    needs_bpy,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SECONDS = 240
SIZE = (44, 68)
"""(height, width) px, no multiples of 8."""


@pytest.fixture
def scene(addon: ModuleType) -> Any:
    """A cube on a floor, rendered small, to be stylised in two steps."""
    made = scenes.turning_cube(SIZE[1], SIZE[0])
    scenes.few_steps(made)
    return made


@pytest.fixture
def untouched(scene: Any) -> Iterator[None]:
    """Whatever the test does, the scene's settings are the same afterwards."""
    remembered = scenes.remembered(scene)
    yield
    scenes.compare(scene, remembered)


def stylised(scene: Any) -> Any:
    """The image that the operator makes."""
    import bpy

    from blender_addon import jobs

    before = set(bpy.data.images)
    assert bpy.ops.sdcore.stylise_render() == {"FINISHED"}
    jobs.wait(jobs.running_jobs()[-1], SECONDS)
    (made,) = (image for image in bpy.data.images if image not in before and image.type == "IMAGE")
    return made


def pixels(image: Any) -> np.ndarray:
    from blender_addon.scene.images import read_pixels

    return read_pixels(image).to_uint8()


def render(scene: Any) -> np.ndarray:
    """What F12 shows: (h, w, 4) uint8."""
    import bpy

    from blender_addon.scene.render_result import render_result

    bpy.ops.render.render()
    with scenes.temporary_folder() as folder:
        return render_result(scene, folder)


@pytest.mark.usefixtures("untouched")
def test_the_picture_has_the_size_of_the_render_and_follows_the_scene(scene: Any) -> None:
    import bpy

    picture = pixels(stylised(scene))
    assert picture.shape == (*SIZE, 3)
    assert np.array_equal(picture, pixels(stylised(scene))), "the same seed and scene"
    cube = bpy.data.objects["Cube"]
    cube.hide_render = True
    other = pixels(stylised(scene))
    cube.hide_render = False
    assert not np.array_equal(picture, other)


@pytest.mark.usefixtures("untouched")
def test_the_image_carries_a_request_that_gives_the_same_pixels_again(scene: Any) -> None:
    from blender_addon import history

    image = stylised(scene)
    picture = pixels(image)
    newest = max(history.history_folder().glob("*.inputs"), key=lambda path: path.stat().st_mtime)
    request = from_json(image[REQUEST], folder=newest)
    assert isinstance(request, DepthToImage)
    assert request.depth.shape == (48, 72)
    with connect() as client:
        again = np.asarray(client.run(request).images[0])
    assert np.array_equal(again[2:46, 2:70], picture)


@pytest.mark.usefixtures("untouched")
def test_a_low_strength_keeps_the_colours_of_the_render(scene: Any) -> None:
    shown = render(scene)[..., :3].astype(float)
    scene.sd_core.stylise.strength = 0.34
    near = np.abs(pixels(stylised(scene)).astype(float) - shown).mean()
    scene.sd_core.stylise.strength = 1
    far = np.abs(pixels(stylised(scene)).astype(float) - shown).mean()
    assert near < 0.7 * far


@pytest.mark.usefixtures("untouched")
def test_a_transparent_render_keeps_its_alpha(scene: Any) -> None:
    scene.render.film_transparent = True
    hard = pixels(stylised(scene))
    assert set(np.unique(hard[..., 3])) == {0, 255}, "one sample of the data"
    shown = render(scene)
    assert np.array_equal(pixels(stylised(scene))[..., 3], shown[..., 3])
    assert (np.abs(hard[..., 3].astype(int) - shown[..., 3]) < 128).mean() > 0.95
    scene.render.film_transparent = False


@pytest.mark.usefixtures("untouched")
def test_edges_follow_outlines_and_creases_and_leave_planes_alone(scene: Any, tmp_path: Any) -> None:
    from blender_addon.scene.controls import edge_picture
    from blender_addon.scene.exr import read_passes
    from blender_addon.scene.passes import render as pass_render

    wanted = pass_render.PassOptions(rest=False)
    (path,) = pass_render.prepare_render(scene, scene.view_layers[0].name, (1,), tmp_path, options=wanted).run()
    passes = read_passes(path)
    assert passes.object_id is not None
    lines = edge_picture(passes)[..., 0]
    ids = passes.object_id
    border = np.zeros_like(ids, bool)
    border[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    assert (lines[border] == 1).all()
    floor = ids == scenes.crypto_id("Floor")
    inner = floor.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        inner &= np.roll(floor, step, axis)
    assert inner.sum() > 300
    assert lines[inner].mean() < 0.01


@pytest.mark.usefixtures("untouched")
def test_a_control_without_its_controlnet_says_so(scene: Any) -> None:
    import bpy

    from blender_addon import jobs

    scene.sd_core.stylise.use_edges = True
    assert bpy.ops.sdcore.stylise_render() == {"FINISHED"}
    job = jobs.running_jobs()[-1]
    with pytest.raises(Exception, match=r"(?i)controlnet|canny"):
        jobs.wait(job, SECONDS)
    assert job.error is not None and job.error.hint
    scene.sd_core.stylise.use_edges = False


@pytest.mark.usefixtures("untouched")
def test_cancel_while_the_depth_is_rendered_leaves_nothing_behind(scene: Any) -> None:
    import bpy

    from blender_addon import jobs

    images = len(bpy.data.images)
    assert bpy.ops.sdcore.stylise_render() == {"FINISHED"}
    job = jobs.running_jobs()[-1]
    job.cancel()
    with pytest.raises(Cancelled):
        jobs.wait(job, 60)
    assert len(bpy.data.images) == images


@pytest.mark.usefixtures("untouched")
def test_what_is_missing_is_said_before_anything_starts(scene: Any) -> None:
    import bpy

    from blender_addon import jobs

    count = len(jobs.all_jobs())
    camera, scene.camera = scene.camera, None
    with pytest.raises(RuntimeError, match="camera"):
        bpy.ops.sdcore.stylise_render()
    scene.camera = camera
    scene.sd_core.stylise.strength = 0.5
    with pytest.raises(RuntimeError, match="F12"):
        bpy.ops.sdcore.stylise_render()
    scene.sd_core.stylise.strength = 1
    assert len(jobs.all_jobs()) == count


@pytest.mark.usefixtures("untouched")
def test_after_a_render_the_picture_is_made_or_the_panel_says_why_not(scene: Any) -> None:
    from blender_addon import jobs
    from blender_addon.operators.stylise_render import _start_after_render

    _start_after_render(scene.name)
    assert jobs.wait(jobs.running_jobs()[-1], SECONDS).error is None
    camera, scene.camera = scene.camera, None
    _start_after_render(scene.name)
    with pytest.raises(RequestError, match="camera"):
        jobs.wait(jobs.running_jobs()[-1], 10)
    scene.camera = camera
    _start_after_render("no such scene")


def test_a_still_is_distinguished_from_an_animation(scene: Any, tmp_path: Path) -> None:
    import bpy

    from blender_addon.operators.stylise_render import _animated_scenes

    scene.render.resolution_x = scene.render.resolution_y = 8
    scene.frame_start = scene.frame_end = 1
    scene.render.filepath = str(tmp_path / "frame")
    bpy.ops.render.render(animation=True)
    assert scene.name in _animated_scenes
    bpy.ops.render.render()
    assert scene.name not in _animated_scenes


@pytest.mark.usefixtures("untouched")
def test_the_render_of_another_size_is_refused(scene: Any) -> None:
    import bpy

    from blender_addon import jobs

    render(scene)
    count = len(jobs.all_jobs())
    scene.sd_core.stylise.strength, scene.render.resolution_x = 0.5, 80
    with pytest.raises(RuntimeError, match="68 x 44"):
        bpy.ops.sdcore.stylise_render()
    assert len(jobs.all_jobs()) == count
    scene.sd_core.stylise.strength, scene.render.resolution_x = 1, 68


@pytest.mark.parametrize("form", ["PNG", "JPEG", "OPEN_EXR"])
def test_the_render_is_read_as_it_is_shown_whatever_the_output_format(scene: Any, form: str) -> None:
    scene.render.dither_intensity = 0
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode = "PNG", "RGBA"
    shown = render(scene)
    settings.file_format = form
    before = settings_of(scene)
    assert np.abs(render(scene).astype(int) - shown).max() <= 1
    assert settings_of(scene) == before


def test_the_comparison_of_settings_notices_a_change(scene: Any) -> None:
    before, fields = settings_of(scene), snapshot(scene)
    scene.render.image_settings.compression = 3
    assert settings_of(scene) != before
    scene.render.image_settings.compression = 15
    scene.cycles.samples += 1
    assert differences(fields, snapshot(scene))
    scene.cycles.samples -= 1
    assert settings_of(scene) == before
