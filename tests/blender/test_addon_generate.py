"""Every operator that generates, on a real server with the built-in model."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core import connect
from sd_core.metadata import REQUEST
from sd_core.requests import TextToImage, from_json
from tests.blender.snapshot import differences, snapshot

pytestmark = [pytest.mark.blender, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

SECONDS = 240


def run(operator: str, **arguments: Any) -> Any:
    """Call an operator as a script does, and wait for its job."""
    import bpy

    from blender_addon import jobs

    assert getattr(bpy.ops.sdcore, operator)(**arguments) == {"FINISHED"}
    return jobs.wait(jobs.running_jobs()[-1], SECONDS)


def made() -> list[Any]:
    """Image datablocks that carry a request, by name."""
    import bpy

    return [image for image in bpy.data.images if REQUEST in image]


def pixels(image: Any) -> np.ndarray:
    from blender_addon.scene.images import read_pixels

    return read_pixels(image).to_uint8()


def start_image(size: tuple[int, int] = (64, 64)) -> Any:
    from blender_addon.scene.images import encode_image, new_image

    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    return new_image("start", encode_image(picture))


@pytest.fixture(autouse=True)
def nothing_of_the_user_changes(addon: ModuleType, settings: Any) -> Any:
    """Whatever an operator does, the scene's settings are the same afterwards."""
    import bpy

    before: dict[str, Any] = {}

    def remember() -> None:
        before.update(snapshot(bpy.context.scene))

    yield remember
    if before:
        assert differences(before, snapshot(bpy.context.scene)) == []


def test_text_to_image_gives_the_pixels_that_a_client_gets(nothing_of_the_user_changes: Any, settings: Any) -> None:
    nothing_of_the_user_changes()
    run("generate_image")
    (image,) = made()
    request = TextToImage(prompt="a red wall", width=64, height=64, seed=7, num_inference_steps=3)
    with connect() as client:
        expected = client.run(request).images[0]
    assert np.array_equal(pixels(image), expected)
    request_read = from_json(image[REQUEST])
    assert isinstance(request_read, TextToImage) and (request_read.prompt, request_read.seed) == ("a red wall", 7)
    assert image.packed_file is not None and image.name == "a red wall 7"


def test_several_images_come_from_following_seeds(nothing_of_the_user_changes: Any, settings: Any) -> None:
    settings.num_images = 2
    run("generate_image")
    assert [json.loads(image[REQUEST])["seed"] for image in made()] == [7, 8]
    assert not np.array_equal(pixels(made()[0]), pixels(made()[1]))


def test_image_to_image_starts_from_the_chosen_image(nothing_of_the_user_changes: Any, settings: Any) -> None:
    settings.image = start_image()
    settings.image_to_image.strength = 0.34
    nothing_of_the_user_changes()
    run("generate_from_image")
    (image,) = made()
    settings.image_to_image.strength = 1.0
    near = np.abs(pixels(image).astype(float) - pixels(settings.image)).mean()
    run("generate_from_image")
    far = np.abs(pixels(made()[1]).astype(float) - pixels(settings.image)).mean()
    assert near < far
    settings.image_to_image.strength = 0.34


@pytest.mark.parametrize("source", ["IMAGE", "ALPHA", "REGION"])
def test_inpainting_changes_what_is_masked_and_nothing_else(
    source: str, nothing_of_the_user_changes: Any, settings: Any
) -> None:
    from blender_addon.scene.images import encode_image, new_image

    start = pixels(start_image())
    marked = np.zeros((64, 64), bool)
    marked[8:40, 16:56] = True
    transparent = np.dstack([start, np.where(marked, 0, 255).astype(np.uint8)])
    settings.image = new_image("to repaint", encode_image(transparent if source == "ALPHA" else start))
    settings.mask = new_image("mask", encode_image(np.where(marked, 255, 0).astype(np.uint8)))
    settings.mask_source, settings.region = source, (16, 8, 40, 32)
    nothing_of_the_user_changes()
    run("generate_inpaint")
    (image,) = made()
    difference = np.abs(pixels(image).astype(int) - start).max(axis=-1)
    assert (difference[~marked] == 0).all()
    assert (difference[marked] > 0).mean() > 0.9


def test_outpainting_adds_what_was_asked_for_and_leaves_the_image_alone(
    nothing_of_the_user_changes: Any, settings: Any
) -> None:
    import bpy

    from blender_addon import problems
    from sd_core.errors import RequestError
    from sd_core.requests import Inpaint

    settings.image, settings.mask_source = start_image(), "NONE"
    start = pixels(settings.image)
    with pytest.raises(RuntimeError, match="no mask and no border to add"):
        bpy.ops.sdcore.generate_inpaint()
    settings.inpaint.expand = (8, 0, 21, 16)
    with pytest.raises(RuntimeError, match="gives 93 x 80 px: both sides must be multiples of 8"):
        bpy.ops.sdcore.generate_inpaint()
    with pytest.raises(RequestError) as refused:
        Inpaint(prompt="", image=np.zeros((64, 64, 3), np.uint8), expand=(8, 0, 21, 16))
    assert problems.fix_of(refused.value).operator == "sdcore.set_pad"
    bpy.ops.sdcore.set_pad()
    nothing_of_the_user_changes()
    run("generate_inpaint")
    (image,) = made()
    result = pixels(image)
    assert result.shape == (80, 93, 3)
    assert np.array_equal(result[:64, 8:72], start)
    assert result[64:].std() > 0 and result[:64, 72:].std() > 0


def test_an_upscaled_image_is_larger_and_shows_the_same(nothing_of_the_user_changes: Any, settings: Any) -> None:
    settings.image = start_image()
    settings.upscale.strength = 0.34
    nothing_of_the_user_changes()
    run("generate_upscale")
    (image,) = made()
    assert tuple(image.size) == (128, 128)


def test_odd_sides_are_refused_with_a_repair_that_works(nothing_of_the_user_changes: Any, settings: Any) -> None:
    import bpy

    from blender_addon import problems
    from sd_core.errors import RequestError
    from sd_core.requests import ImageToImage

    settings.image = start_image((60, 66))
    with pytest.raises(RuntimeError, match="both sides must be multiples of 8"):
        bpy.ops.sdcore.generate_from_image()
    with pytest.raises(RequestError) as refused:
        ImageToImage(prompt="", image=np.zeros((60, 66, 3), np.uint8))
    fix = problems.fix_of(refused.value)
    assert fix is not None and fix.operator == "sdcore.set_pad"
    bpy.ops.sdcore.set_pad()
    run("generate_from_image")
    assert tuple(made()[0].size) == (66, 60)


def test_a_texture_is_wired_to_the_selected_object(nothing_of_the_user_changes: Any, settings: Any) -> None:
    import bpy

    nothing_of_the_user_changes()
    run("generate_texture")
    material = bpy.data.objects["Cube"].active_material
    nodes = {node.label: node for node in material.node_tree.nodes if node.type == "TEX_IMAGE"}
    assert set(nodes) == {"Base color", "Normal", "Height", "Roughness", "Ambient occlusion", "Metallic"}
    spaces = {label: node.image.colorspace_settings.name for label, node in nodes.items()}
    assert spaces.pop("Base color") == "sRGB" and set(spaces.values()) == {"Non-Color"}
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    assert shader.inputs["Base Color"].links[0].from_node == nodes["Base color"]
    assert shader.inputs["Normal"].links[0].from_node.type == "NORMAL_MAP"
    output = next(node for node in material.node_tree.nodes if node.type == "OUTPUT_MATERIAL")
    assert output.inputs["Displacement"].links[0].from_node.inputs["Height"].links[0].from_node == nodes["Height"]
    assert {tuple(node.image.size) for node in nodes.values()} == {(128, 128)}


def test_a_texture_may_replace_the_active_material_or_be_a_new_one(settings: Any) -> None:
    import bpy

    active = bpy.context.object.active_material
    settings.texture_target, settings.texture_scale = "ACTIVE", 3.0
    settings.texture_maps = {"base_color", "roughness"}
    run("generate_texture")
    assert bpy.context.object.active_material == active
    mapping = next(node for node in active.node_tree.nodes if node.type == "MAPPING")
    assert tuple(mapping.inputs["Scale"].default_value) == (3, 3, 3)
    assert len([node for node in active.node_tree.nodes if node.type == "TEX_IMAGE"]) == 2
    settings.texture_target = "NEW"
    count = len(bpy.data.materials)
    run("generate_texture")
    assert len(bpy.data.materials) == count + 1
    assert bpy.context.object.active_material == active


def test_settings_used_again_give_the_same_pixels(settings: Any) -> None:
    import bpy

    from blender_addon import history

    settings.use_seed = False
    run("generate_image")
    (first,) = made()
    newest = max(history.history_folder().glob("*.png")).name
    settings.prompt, settings.num_inference_steps, settings.width = "something else", 9, 128
    history._menu.stale = True
    bpy.context.window_manager.sd_core.history = newest
    assert bpy.ops.sdcore.use_again() == {"FINISHED"}
    assert (settings.prompt, settings.num_inference_steps, settings.width) == ("a red wall", 3, 64)
    run("generate_image")
    assert np.array_equal(pixels(made()[0]), pixels(made()[1])) and first in made()


def test_the_history_opens_and_forgets(settings: Any) -> None:
    import bpy

    from blender_addon import history

    settings.image = start_image()
    run("generate_from_image")
    newest = max(history.history_folder().glob("*.png"))
    inputs = newest.with_name(f"{newest.stem.rsplit('-', 1)[0]}.inputs")
    assert inputs.is_dir()
    bpy.context.window_manager.sd_core.history = newest.name
    bpy.ops.sdcore.open_history()
    assert np.array_equal(pixels(bpy.data.images[newest.name]), pixels(made()[0]))
    bpy.ops.sdcore.remove_history()
    assert not newest.exists() and not inputs.exists()


def test_an_image_of_the_history_that_is_gone_or_damaged_is_reported(settings: Any) -> None:
    import bpy

    from blender_addon import history

    run("generate_image")
    newest = max(history.history_folder().glob("*.png"))
    bpy.context.window_manager.sd_core.history = newest.name
    newest.write_bytes(b"no picture")
    with pytest.raises(RuntimeError, match="is no PNG"):
        bpy.ops.sdcore.use_again()
    newest.unlink()
    with pytest.raises(RuntimeError, match=r"cannot be opened; remove it from the history"):
        bpy.ops.sdcore.open_history()
    assert bpy.ops.sdcore.remove_history() == {"FINISHED"}


def test_a_new_mask_has_the_size_of_the_image(settings: Any) -> None:
    import bpy

    settings.image = start_image((32, 48))
    assert bpy.ops.sdcore.new_mask() == {"FINISHED"}
    assert tuple(settings.mask.size) == (48, 32)
    assert pixels(settings.mask).max() == 0


def test_a_lora_that_does_not_exist_is_refused_with_a_repair(settings: Any) -> None:
    import bpy

    from blender_addon import problems
    from sd_core.errors import SDError

    bpy.ops.sdcore.add_lora()
    settings.loras[0].path = "nobody/nothing"
    with pytest.raises(SDError) as caught:
        run("generate_image")
    assert problems.fix_of(caught.value).operator == "sdcore.allow_names"
    bpy.ops.sdcore.use_default_model()
    run("generate_image")
    assert len(made()) == 1


def test_a_mask_of_another_size_is_refused_and_nothing_is_made(settings: Any) -> None:
    import bpy

    settings.image, settings.mask = start_image(), start_image((32, 40))
    with pytest.raises(
        RuntimeError, match=r"40 x 32 px, but the image 64 x 64 px; use a mask of the size of the image"
    ):
        bpy.ops.sdcore.generate_inpaint()
    assert made() == []
