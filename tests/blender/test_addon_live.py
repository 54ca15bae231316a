"""The picture of a job while it is made."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.blender.layouts import drawn
from tests.blender.snapshot import differences, snapshot
from tests.server.servers import wait_for

pytestmark = pytest.mark.blender

SECONDS = 240


def test_a_running_job_shows_its_picture_in_the_panel_and_makes_no_datablock(addon: ModuleType, settings: Any) -> None:
    import bpy

    from blender_addon import jobs, preview_overlay

    settings.num_inference_steps = 1000
    before, images = snapshot(bpy.context.scene), len(bpy.data.images)
    bpy.ops.sdcore.generate_image()
    (job,) = jobs.running_jobs()
    assert "picture" not in drawn(bpy.types.SDCORE_PT_generate_view)
    wait_for(lambda: jobs.handle_events() and preview_overlay.icon_of(job.id) is not None, SECONDS)
    assert "picture" in drawn(bpy.types.SDCORE_PT_generate_view)
    shown = preview_overlay._overlay.previews["live"]
    height, width = job.preview.shape[:2]
    assert tuple(shown.image_size) == (width, height)
    held = np.array(shown.image_pixels_float).reshape(height, width, 4)[::-1]
    assert np.abs(held[..., :3] * 255 - job.preview).max() < 1
    assert preview_overlay._overlay.editor == job.editor is not None
    assert len(bpy.data.images) == images and differences(before, snapshot(bpy.context.scene)) == []
    job.cancel()
    wait_for(lambda: jobs.handle_events() and job.has_ended, SECONDS)
    assert preview_overlay.icon_of(job.id) is None and preview_overlay._overlay.pixels is None
    assert "picture" not in drawn(bpy.types.SDCORE_PT_generate_view)


def test_a_picture_of_another_file_is_not_shown(addon: ModuleType, settings: Any) -> None:
    import bpy

    from blender_addon import jobs, preview_overlay

    settings.num_inference_steps = 1000
    bpy.ops.sdcore.generate_image()
    (job,) = jobs.running_jobs()
    wait_for(lambda: jobs.handle_events() and preview_overlay.icon_of(job.id) is not None, SECONDS)
    bpy.ops.wm.read_factory_settings()
    wait_for(jobs.handle_events, SECONDS)
    assert preview_overlay.icon_of(job.id) is None and not job.has_ended
    job.cancel()
    wait_for(lambda: jobs.handle_events() and job.has_ended, SECONDS)


def test_the_same_picture_is_brought_to_the_screen_once(
    bare_addon: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_addon import preview_overlay

    counted: list[int] = []
    convert = preview_overlay.pixels_of
    monkeypatch.setattr(preview_overlay, "pixels_of", lambda picture: (counted.append(1), convert(picture))[1])
    picture = np.zeros((8, 8, 3), np.uint8)
    for _ in range(3):
        preview_overlay.show("job", picture, None)
    preview_overlay.show("job", picture.copy(), None)
    assert len(counted) == 2


@pytest.mark.parametrize("shape", [(64, 64, 3), (1200, 700, 4), (3, 500, 3)])
def test_pictures_are_turned_over_and_kept_small(shape: tuple[int, int, int]) -> None:
    from blender_addon.preview_overlay import pixels_of

    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    pixels = pixels_of(picture)
    assert max(pixels.shape[:2]) <= 256 and pixels.dtype == np.float32
    assert np.allclose(pixels[-1, 0, :3] * 255, picture[0, 0, :3])
    assert (shape[2] == 4) or (pixels[..., 3] == 1).all()


def test_a_picture_lies_in_the_middle_of_the_image_and_keeps_its_proportions() -> None:
    from blender_addon.preview_overlay import centred_rectangle

    assert centred_rectangle((64, 64), (512, 512)) == (0, 0, 1, 1)
    assert centred_rectangle((64, 32), (512, 512)) == (0.25, 0, 0.75, 1)
    assert centred_rectangle((8, 8), (100, 200)) == (0.25, 0, 0.75, 1)
    left, bottom, right, top = centred_rectangle((30, 70), (512, 256))
    assert (right - left) * 256 / ((top - bottom) * 512) == pytest.approx(70 / 30)


def test_the_editor_is_the_operators_own_or_one_that_shows_no_render(bare_addon: ModuleType) -> None:
    import bpy

    from blender_addon.editors import ImageEditorRef, find_editor, show
    from blender_addon.scene.images import encode_image, new_image

    areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas][:2]
    if len(areas) < 2:
        pytest.fail("the factory settings have no two areas")
    for area in areas:
        area.type = area.ui_type = "IMAGE_EDITOR"
    first, second = (area.spaces.active for area in areas)
    image = new_image("held", encode_image(np.zeros((8, 8, 3), np.uint8)))
    first.image = bpy.data.images.get("Render Result") or bpy.data.images.new("Render Result", 8, 8)
    second.use_image_pin = True
    assert find_editor(ImageEditorRef()) == first
    assert find_editor(ImageEditorRef(areas[1].as_pointer())) == second
    assert show(image) and first.image == image
    second.use_image_pin = first.use_image_pin = True
    assert find_editor(ImageEditorRef()) is None and not show(image)
