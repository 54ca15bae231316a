"""What the add-on of version 0.1.0 stored in a .blend and beside it is read by this version."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core import from_json, load_request, replace
from tests.stored import written
from tests.stored.make_all_formats_blend import values

pytestmark = pytest.mark.blender

STORED = Path(written.__file__).parent / "all_formats" / "blender"


def stored_values() -> dict[str, Any]:
    return json.loads((STORED / "settings.json").read_text(encoding="utf-8"))


@pytest.fixture
def scene(bare_addon: ModuleType) -> Any:
    """The scene of the stored file."""
    import bpy

    bpy.ops.wm.open_mainfile(filepath=str(STORED / "settings.blend"))
    return bpy.context.scene


def held_in(stored: Any, now: Any) -> Any:
    """What is there now of what was stored; newer properties are left out."""
    if isinstance(stored, dict):
        return {name: held_in(held, now[name]) for name, held in stored.items()}
    if isinstance(stored, list) and len(stored) == len(now):
        return [held_in(*pair) for pair in zip(stored, now, strict=True)]
    return now


def test_every_setting_of_a_stored_scene_has_its_value(scene: Any) -> None:
    stored = stored_values()
    assert held_in(stored, values(scene.sd_core)) == stored


def test_the_images_that_stored_settings_name_have_their_pixels(scene: Any) -> None:
    expected = (written.picture(8, 4) / np.float32(256)).ravel()
    for image in (scene.sd_core.image, scene.sd_core.controls[1].image, scene.sd_core.project.mask):
        assert np.abs(np.array(image.pixels) - expected).max() < 1 / 128


def test_a_stored_image_still_tells_the_request_that_made_it(scene: Any) -> None:
    import bpy

    assert from_json(bpy.data.images["made"]["sd_core"]) == written.PAINTED["text_to_image"]


def test_a_stored_preset_is_executed(bare_addon: ModuleType, tmp_path: Path) -> None:
    import bpy

    settings = bpy.context.scene.sd_core
    assert settings.prompt == ""
    preset = Path(shutil.copy(STORED / "preset.py", tmp_path / "stored.py"))
    bpy.ops.script.execute_preset(filepath=str(preset), menu_idname="SDCORE_MT_presets")
    stored = stored_values()
    own = (
        "prompt",
        "width",
        "guidance_scale",
        "scheduler",
        "seed",
        "model",
        "seamless",
        "task",
        "style",
        "inpaint",
        "upscale",
    )
    assert held_in({name: stored[name] for name in own}, values(settings)) == {name: stored[name] for name in own}


def test_the_stored_history_carries_its_requests(bare_addon: ModuleType) -> None:
    first, second = sorted((STORED / "history").glob("*.png"))
    assert load_request(first) == replace(written.PAINTED["text_to_image"], num_images=1)
    assert load_request(second) == written.PAINTED["adjust"]
