"""Repaint Texture on a real server with the built-in model."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core.errors import RequestError
from tests.blender import scenes
from tests.blender.layouts import drawn
from tests.blender.scenes import needs_bpy

pytestmark = [
    pytest.mark.blender,
    needs_bpy,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SECONDS, SIDE = 400, 128


@pytest.fixture
def scene(bare_addon: ModuleType) -> Any:
    """A floor with a texture of noise in a material of its own, selected and active."""
    import bpy

    from blender_addon.scene.images import encode_image, new_image
    from blender_addon.scene.material import new_material

    made = scenes.turning_cube(64, 48)
    held = scenes.small_pictures(made)
    held.project.max_views, held.project.repaint = 1, "IMAGE"
    noise = np.random.default_rng(4).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    images = {
        "base_color": new_image("noise", encode_image(noise)),
        "height": new_image("height", encode_image(noise[..., 0])),
    }
    floor = bpy.data.objects["Floor"]
    floor.data.materials.append(new_material("ground", images, repeat=False))
    for item in bpy.data.objects:
        item.select_set(item == floor)
    bpy.context.view_layer.objects.active = floor
    return made


def node(kind: str = "Base color") -> Any:
    import bpy

    nodes = bpy.data.materials["ground"].node_tree.nodes
    return next(held for held in nodes if held.label == kind)


def pixels(image: Any) -> np.ndarray:
    from blender_addon.scene.images import read_pixels

    return np.rint(read_pixels(image).rgba()[..., :3] * 255).astype(int)


def white(mask: np.ndarray) -> Any:
    """An image that is white where `mask` holds."""
    from blender_addon.scene.images import encode_image, new_image

    return new_image("where", encode_image(np.where(mask, 255, 0).astype(np.uint8)))


def half() -> np.ndarray:
    marked = np.zeros((SIDE, SIDE), bool)
    marked[32:96, 40:120] = True
    return marked


def put(layer: Any, left: float, right: float) -> None:
    """Lay the UVs of a square between two shares of the texture's width."""
    flat = np.empty(len(layer.uv) * 2, np.float32)
    layer.uv.foreach_get("vector", flat)
    uvs = flat.reshape(-1, 2)
    uvs[:, 0] = np.where(uvs[:, 0] == uvs[:, 0].min(), left, right)
    layer.data.foreach_set("uv", uvs.ravel())  # not `uv`, which a copied mesh shares with its original


def repaint() -> Any:
    import bpy

    from blender_addon import jobs

    assert bpy.ops.sdcore.repaint_texture() == {"FINISHED"}
    return jobs.wait(jobs.running_jobs()[-1], SECONDS)


@pytest.mark.usefixtures("addon")
def test_what_the_mask_leaves_out_stays_to_the_bit_and_the_old_texture_is_kept(scene: Any) -> None:
    import bpy

    marked = half()
    old, before = node().image, pixels(node().image)
    scene.sd_core.project.mask = white(marked)
    remembered, materials = scenes.remembered(scene)[0], list(bpy.data.materials)
    repaint()
    new = node().image
    assert new != old and np.array_equal(pixels(old), before)
    made = pixels(new)
    assert made.shape == (SIDE, SIDE, 3)
    assert np.array_equal(made[~marked], before[~marked])
    assert (made[marked] != before[marked]).any(axis=-1).mean() > 0.9
    assert node("Height").image.name != "height", "the other maps follow the colours"
    assert new.colorspace_settings.name == "sRGB" and node("Height").image.colorspace_settings.name == "Non-Color"
    assert list(bpy.data.materials) == materials
    assert scenes.remembered(scene)[0]["scene"] == remembered["scene"]


@pytest.mark.usefixtures("addon")
def test_the_outlines_of_a_texture_with_alpha_stay_where_a_mask_is_repainted(scene: Any) -> None:
    from blender_addon.scene.images import encode_image, fill_image, read_pixels

    marked, before = half(), pixels(node().image)
    outline = np.zeros((SIDE, SIDE), int)
    outline[16:112, 16:80] = 255
    fill_image(node().image, encode_image(np.dstack([before, outline]).astype(np.uint8)))
    node().image.alpha_mode = "CHANNEL_PACKED"  # else Blender shows nothing of the colours without alpha
    scene.sd_core.project.mask = white(marked)
    repaint()
    made = np.rint(read_pixels(node().image).rgba() * 255).astype(int)
    assert np.array_equal(made[..., 3], outline) and np.array_equal(made[~marked, :3], before[~marked])
    assert node().image.alpha_mode == "CHANNEL_PACKED"


@pytest.mark.usefixtures("addon")
def test_objects_that_share_a_texture_are_repainted_together_where_it_is_transparent(scene: Any) -> None:
    import bpy

    from blender_addon.scene.images import encode_image, fill_image

    marked, before = half(), pixels(node().image)
    erased = np.dstack([before, np.where(marked, 0, 255)]).astype(np.uint8)
    fill_image(node().image, encode_image(erased))
    floor = bpy.data.objects["Floor"]
    for left, name in ((0.0, "Floor"), (0.5, "Other"), (0.0, "Same mesh as Floor")):
        item = floor if name == "Floor" else floor.copy()
        if name == "Other":
            item.data = floor.data.copy()
        if name != "Same mesh as Floor":
            put(item.data.uv_layers[0], left, left + 0.5)
        if item != floor:
            item.location.z = left + 0.5
            scene.collection.objects.link(item)
        item.select_set(True)
    scene.sd_core.project.repaint = "ALPHA"
    repaint()
    made = pixels(node().image)
    assert np.array_equal(made[~marked], before[~marked])
    changed = (made != before).any(axis=-1) & marked
    assert changed[:, :64].any() and changed[:, 64:].any()


def test_a_mask_is_made_to_be_painted_on_the_object(scene: Any) -> None:
    import bpy

    floor = bpy.data.objects["Floor"]
    floor.data.uv_layers.new(name="other")
    floor.data.uv_layers.active = floor.data.uv_layers["other"]
    assert bpy.ops.sdcore.paint_mask() == {"FINISHED"}
    mask = scene.sd_core.project.mask
    assert tuple(mask.size) == (SIDE, SIDE) and pixels(mask).max() == 0
    assert scene.tool_settings.image_paint.canvas == mask and floor.mode == "TEXTURE_PAINT"
    assert floor.data.uv_layers.active.name == "UVMap", "the one through which the texture is seen"
    assert bpy.ops.sdcore.paint_mask() == {"FINISHED"}
    assert scene.sd_core.project.mask == mask, "what has been painted is kept"
    bpy.ops.object.mode_set(mode="OBJECT")


def test_the_panel_offers_what_belongs_to_repainting(scene: Any) -> None:
    import bpy

    texts = drawn(bpy.types.SDCORE_PT_project_view)
    assert {"mask", "sdcore.paint_mask", "sdcore.repaint_texture"} <= set(texts)
    assert not {"sdcore.project_texture", "uvs", "texture_size"} & set(texts)
    scene.sd_core.project.repaint = "ALL"
    assert {"sdcore.project_texture", "uvs", "texture_size"} <= set(drawn(bpy.types.SDCORE_PT_project_view))


def test_what_cannot_be_repainted_is_said_with_what_to_do(scene: Any) -> None:
    import bpy

    from blender_addon.scene.shown_texture import find_shown_texture

    floor, cube = bpy.data.objects["Floor"], bpy.data.objects["Cube"]
    with pytest.raises(RuntimeError, match=r"no mask is chosen.*Paint Mask"):
        bpy.ops.sdcore.repaint_texture()
    scene.sd_core.project.mask = white(np.ones((64, 64), bool))
    with pytest.raises(RuntimeError, match=r"is 64 x 64 px, but 'noise' 128 x 128"):
        bpy.ops.sdcore.repaint_texture()
    if bpy.app.version < (5, 0):
        bpy.data.materials["paint"].use_nodes = True
    with pytest.raises(RequestError, match=r"'paint' shows no image.*Image Texture"):
        find_shown_texture([cube])
    cube.data.materials[0] = bpy.data.materials["ground"].copy()
    assert find_shown_texture([floor, cube]).uv_maps == {"Floor": "UVMap", "Cube": "UVMap"}
    other = bpy.data.images["noise"].copy()
    copied = cube.data.materials[0].node_tree.nodes
    texture = next(held for held in copied if held.label == "Base color")
    texture.image = other
    with pytest.raises(RequestError, match=r"show several: noise, noise\.001"):
        find_shown_texture([floor, cube])
    tree = cube.data.materials[0].node_tree
    tree.links.new(tree.nodes.new("ShaderNodeMapping").outputs["Vector"], texture.inputs["Vector"])
    with pytest.raises(RequestError, match=r"coordinates from 'Mapping'.*UV Map node"):
        find_shown_texture([cube])
    texture.image = bpy.data.images.new("wide", 64, 32)
    tree.links.remove(texture.inputs["Vector"].links[0])
    with pytest.raises(RequestError, match=r"64 x 32 px, and only square"):
        find_shown_texture([cube])
    cube.data.materials.clear()
    with pytest.raises(RequestError, match="'Cube' has no material"):
        find_shown_texture([cube])
    floor.select_set(False)
    bpy.context.view_layer.objects.active = scene.camera
    with pytest.raises(RuntimeError, match="Select the mesh objects"):
        bpy.ops.sdcore.repaint_texture()


@pytest.mark.usefixtures("addon")
def test_a_mask_that_is_nowhere_white_is_reported_with_its_button(scene: Any) -> None:
    from blender_addon import problems

    scene.sd_core.project.mask = white(np.zeros((SIDE, SIDE), bool))
    before = node().image
    with pytest.raises(RequestError, match="nowhere white") as caught:
        repaint()
    assert problems.fix_of(caught.value) == problems.Fix("sdcore.paint_mask", "Paint Mask")
    assert node().image == before
