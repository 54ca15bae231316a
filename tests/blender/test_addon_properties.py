"""The settings of a scene: built from the fields of requests, saved in files, read back from requests."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core.requests import Control, ImageToImage, Inpaint, Lora, TextToImage, Upscale
from sd_core.requests.styles import styles

pytestmark = pytest.mark.blender

ROOT = Path(__file__).parents[2]


def test_a_request_made_from_untouched_settings_is_the_default_one(addon_settings: Any) -> None:
    from blender_addon.request_plan import base_plan

    assert base_plan(addon_settings, TextToImage).make_request() == TextToImage(prompt="")


@pytest.fixture
def addon_settings(bare_addon: ModuleType) -> Any:
    import bpy

    return bpy.context.scene.sd_core


def test_the_output_folder_may_be_relative_to_the_blend_file(addon_settings: Any) -> None:
    output = addon_settings.stylise.bl_rna.properties["output"]
    assert output.default == "//stylised"
    assert getattr(output, "is_path_supports_blend_relative", True), "Blender shows the path in red"


VALUES: dict[str, Any] = {
    "prompt": "木 and (stone:1.3)", "negative_prompt": "blur", "width": 320, "height": 64, "num_inference_steps": 17,
    "guidance_scale": 2.5, "scheduler": "euler", "seed": 2**31 - 5, "num_images": 3, "model": "builtin", "seamless": "x",
    "seamless_method": "rolling",
}  # fmt: skip


def test_every_common_field_goes_into_the_settings_and_comes_back(addon_settings: Any) -> None:
    from blender_addon.fields import set_values
    from blender_addon.request_plan import base_plan

    request = TextToImage(**VALUES, loras=(Lora("a.safetensors", 0.3),))
    set_values(addon_settings, VALUES)
    item = addon_settings.loras.add()
    item.path, item.weight = "a.safetensors", 0.3
    assert base_plan(addon_settings, TextToImage).make_request() == request
    own = {spec.name for spec in fields(TextToImage)} - {"loras", "controls", "image_prompt"}
    assert own == set(VALUES)


def test_using_a_request_again_gives_an_equal_one(addon_settings: Any) -> None:
    from blender_addon.operators.history import use_again
    from blender_addon.request_plan import base_plan

    request = TextToImage(**VALUES, loras=(Lora("a.safetensors", 0.3), Lora("b", -1.0)))
    use_again(addon_settings, json.loads(request.to_json()))
    assert base_plan(addon_settings, TextToImage).make_request() == request
    picture = np.zeros((64, 64, 3), np.uint8)
    use_again(
        addon_settings, json.loads(Inpaint(prompt="x", image=picture, expand=(8, 0, 24, 0), fill="original").to_json())
    )
    assert (addon_settings.task, addon_settings.mask_source, tuple(addon_settings.inpaint.expand)) == (
        "INPAINT", "NONE", (8, 0, 24, 0),
    )  # fmt: skip
    masked = json.loads(Inpaint(prompt="x", image=picture, mask=np.ones((64, 64), np.float32)).to_json())
    for chosen, then in (("NONE", "IMAGE"), ("REGION", "REGION")):
        addon_settings.mask_source = chosen
        use_again(addon_settings, masked)
        assert (addon_settings.mask_source, tuple(addon_settings.inpaint.expand)) == (then, (0, 0, 0, 0))
    use_again(addon_settings, json.loads(TextToImage(prompt="plain").to_json()))
    assert base_plan(addon_settings, TextToImage).make_request() == TextToImage(prompt="plain")
    addon_settings.seamless, addon_settings.use_seed = "xy", True
    use_again(addon_settings, {"type": "TextToImage", "prompt": "of before there were other fields"})
    assert base_plan(addon_settings, TextToImage).make_request() == TextToImage(
        prompt="of before there were other fields"
    )


def test_settings_are_saved_in_the_file_and_read_from_it(addon_settings: Any, tmp_path: Path) -> None:
    import bpy

    from blender_addon.fields import set_values
    from blender_addon.request_plan import base_plan
    from blender_addon.scene.images import encode_image, new_image

    set_values(addon_settings, VALUES)
    addon_settings.inpaint.feather, addon_settings.texture_size = 12.5, "1024"
    addon_settings.image = new_image("chosen", encode_image(np.zeros((8, 8, 3), np.uint8)))
    addon_settings.region = (1, 2, 3, 4)
    path = str(tmp_path / "settings.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings()
    assert bpy.context.scene.sd_core.prompt == ""
    bpy.ops.wm.open_mainfile(filepath=path)
    held = bpy.context.scene.sd_core
    assert base_plan(held, TextToImage).make_request() == TextToImage(**VALUES)
    assert (held.inpaint.feather, held.texture_size, held.image.name) == (12.5, "1024", "chosen")
    assert tuple(held.region) == (1, 2, 3, 4)


def test_a_file_with_settings_opens_without_the_extension(addon_settings: Any, tmp_path: Path) -> None:
    import bpy

    import blender_addon

    addon_settings.prompt = "kept"
    path = str(tmp_path / "settings.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    blender_addon.unregister()
    bpy.ops.wm.open_mainfile(filepath=path)
    bpy.ops.wm.save_mainfile()
    blender_addon.register()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert bpy.context.scene.sd_core.prompt == "kept"


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("num_inference_steps", 1, 1000), ("guidance_scale", 0, 100), ("seed", 0, 2**31 - 1), ("width", 8, 16384)],
)
def test_properties_have_the_ranges_of_the_request(name: str, low: float, high: float, addon_settings: Any) -> None:
    spec = addon_settings.bl_rna.properties[name]
    assert (spec.hard_min, spec.hard_max) == (low, high)


def test_groups_begin_with_the_defaults_of_their_requests(addon_settings: Any) -> None:
    for group, kind in (("image_to_image", ImageToImage), ("inpaint", Inpaint), ("upscale", Upscale)):
        held = getattr(addon_settings, group)
        defaults = {spec.name: spec.default for spec in fields(kind)}
        for name in set(held.bl_rna.properties.keys()) - {"rna_type", "name"}:
            value = tuple(held.expand) if name == "expand" else getattr(held, name)
            assert value == (str(defaults[name]) if name == "fill" else pytest.approx(defaults[name]))


def test_numbers_can_be_animated(addon_settings: Any) -> None:
    import bpy

    scene = bpy.context.scene
    for frame, strength in ((1, 0.25), (11, 0.75)):
        addon_settings.image_to_image.strength = strength
        addon_settings.image_to_image.keyframe_insert("strength", frame=frame)
    scene.frame_set(6)
    assert 0.4 < addon_settings.image_to_image.strength < 0.6


def test_a_style_is_applied_and_leaves_the_strength_to_the_settings(addon_settings: Any) -> None:
    from blender_addon.request_plan import base_plan
    from blender_addon.scene.images import ImagePixels

    addon_settings.prompt, addon_settings.style = "a cat", "oil painting"
    picture = ImagePixels(np.ones(8 * 8 * 4, np.float32), (8, 8), 4, linear=False)
    plan = replace(
        base_plan(addon_settings, ImageToImage, strength=0.2), pictures={"image": (picture, ImagePixels.to_uint8)}
    )
    request = plan.make_request()
    assert request.prompt == styles()["oil painting"].prompt.replace("{prompt}", "a cat")
    assert request.strength == 0.2


def test_controls_take_their_pictures_and_settings(addon_settings: Any) -> None:
    import bpy

    from blender_addon.request_plan import base_plan
    from blender_addon.scene.images import encode_image, new_image

    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    bpy.ops.sdcore.add_control()
    bpy.ops.sdcore.add_control()
    control = addon_settings.controls[0]
    control.image, control.kind, control.scale, control.end = (
        new_image("depth", encode_image(picture)),
        "depth",
        0.5,
        0.75,
    )
    addon_settings.prompt = "x"
    expected = TextToImage(prompt="x", controls=(Control("depth", picture, scale=0.5, end=0.75),))
    assert base_plan(addon_settings, TextToImage).make_request() == expected
    bpy.ops.sdcore.remove_control(index=0)
    assert base_plan(addon_settings, TextToImage).make_request() == TextToImage(prompt="x")


def test_padding_and_cutting_give_the_picture_back(addon_settings: Any) -> None:
    from blender_addon.request_plan import RequestPlan

    picture = np.random.default_rng(0).integers(0, 256, (61, 66, 3), dtype=np.uint8)
    plan = RequestPlan(kind=ImageToImage, values={"prompt": "x"}, arrays={"image": picture}, pad=(6, 3))
    padded = plan.make_request().image
    assert padded.shape == (64, 72, 3)
    assert np.array_equal(plan.crop(padded), picture)
    assert plan.crop(np.zeros((128, 144, 3)), 2).shape == (122, 132, 3)


def test_a_dragged_rectangle_is_cut_to_the_image() -> None:
    from blender_addon.operators.generate import rectangle_mask
    from blender_addon.operators.region import region_between

    assert region_between((0.25, 0.75), (0.5, 0.5), 64, 32) == (16, 8, 16, 8)
    assert region_between((0.5, 0.5), (0.25, 0.75), 64, 32) == (16, 8, 16, 8)
    assert region_between((-1, -1), (2, 2), 64, 32) == (0, 0, 64, 32)
    mask = rectangle_mask((32, 64), 16, 8, 16, 8)
    assert mask.sum() == 16 * 8 and mask[8:16, 16:32].all()


def test_a_preset_is_saved_and_read(addon_settings: Any) -> None:
    import bpy

    from blender_addon.fields import set_values
    from blender_addon.request_plan import base_plan

    set_values(addon_settings, VALUES)
    addon_settings.inpaint.feather, addon_settings.inpaint.expand = 3, (8, 16, 24, 32)
    bpy.ops.sdcore.add_preset(name="mine")
    (path,) = [
        Path(folder) / "mine.py" for folder in bpy.utils.preset_paths("sd_core") if (Path(folder) / "mine.py").is_file()
    ]
    set_values(addon_settings, {"prompt": "other", "seed": None, "width": None, "scheduler": None})
    addon_settings.inpaint.feather, addon_settings.inpaint.expand = 0, (0, 0, 0, 0)
    bpy.ops.script.execute_preset(filepath=str(path), menu_idname="SDCORE_MT_presets")
    assert base_plan(addon_settings, TextToImage).make_request() == TextToImage(**VALUES)
    assert addon_settings.inpaint.feather == 3 and tuple(addon_settings.inpaint.expand) == (8, 16, 24, 32)
