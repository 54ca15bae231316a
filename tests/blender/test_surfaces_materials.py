"""Painted materials: what they take over from an object's own, and what a tile looks like."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from blender_addon.stylise.regular import concentration, is_regular
from tests.blender.scenes import needs_bpy

pytestmark = [
    pytest.mark.blender,
    needs_bpy,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def item(bare_addon: ModuleType) -> Any:
    """A cube with two slots: leaves, cut out by alpha and with normals of their own, and glass."""
    import bpy

    bpy.ops.mesh.primitive_cube_add()
    made = bpy.context.object
    leaves, glass = bpy.data.materials.new("leaves"), bpy.data.materials.new("glass")
    for material in (leaves, glass):
        if material.node_tree is None:
            material.use_nodes = True
    tree = leaves.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    cut, relief = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeNormalMap")
    tree.links.new(cut.outputs["Color"], shader.inputs["Base Color"])
    tree.links.new(cut.outputs["Alpha"], shader.inputs["Alpha"])
    tree.links.new(relief.outputs["Normal"], shader.inputs["Normal"])
    glass.node_tree.nodes.clear()
    clear, output = (glass.node_tree.nodes.new(kind) for kind in ("ShaderNodeBsdfGlass", "ShaderNodeOutputMaterial"))
    glass.node_tree.links.new(clear.outputs[0], output.inputs["Surface"])
    for material in (leaves, glass):
        made.data.materials.append(material)
    return made


def images() -> dict[str, Any]:
    import bpy

    return {kind: bpy.data.images.new(kind, 8, 8) for kind in ("base_color", "roughness", "normal", "height")}


def paint(surface: str = "views", **changes: Any) -> Any:
    from blender_addon.scene.surfaces.paint import Paint

    return Paint(
        **{"name": "Cube", "surface": surface, "title": "Cube painted", "maps": {}, "uv_map": "UVMap", **changes}
    )


def test_alpha_and_normals_of_the_user_stay_and_glass_stays_glass(item: Any) -> None:
    from blender_addon.scene.surfaces.materials import paint_object

    own = [slot.material.name for slot in item.material_slots]
    paint_object(item, paint(), images())
    leaves, glass = (slot.material for slot in item.material_slots)
    assert glass.name == own[1]
    assert leaves.name != own[0]
    shader = next(node for node in leaves.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    sources = {name: shader.inputs[name].links[0].from_node for name in ("Base Color", "Alpha", "Normal", "Roughness")}
    assert sources["Base Color"].image.name == "base_color"
    assert sources["Roughness"].image.name == "roughness"
    assert sources["Alpha"].image is None, "the user's own"
    assert not sources["Normal"].inputs["Color"].is_linked, "the user's own"
    assert [material.name for material in item.data.materials] == own, "the mesh, which others may share, is as it was"


def test_what_is_painted_twice_is_made_from_the_users_material_both_times(item: Any) -> None:
    import bpy

    from blender_addon.scene.surfaces.materials import paint_object

    counts = []
    for _ in range(2):
        (made,) = paint_object(item, paint(), images())
        counts.append(len(made.node_tree.nodes))
    assert item.material_slots[0].material["sd_core_painted"] == "leaves"
    assert counts[0] == counts[1], "not on top of each other"
    assert bpy.data.materials["leaves"].users == 1, "still the mesh's"


def test_the_repeat_of_a_tile_is_broken_up_but_not_that_of_bricks(item: Any) -> None:
    from blender_addon.scene.surfaces.materials import painted_material

    def copies(*, regular: bool) -> int:
        made = painted_material(None, paint("tile", regular=regular, repeat=2.0), images())
        return sum(
            node.type == "TEX_IMAGE" and node.image.name.startswith("base_color") for node in made.node_tree.nodes
        )

    assert (copies(regular=False), copies(regular=True)) == (4, 1)


def test_bricks_are_regular_and_gravel_is_not() -> None:
    chance = np.random.default_rng(3)
    noise = chance.random((128, 128))
    smooth = sum(np.roll(noise, (down, across), (0, 1)) for down in range(-3, 4) for across in range(-3, 4))
    gravel = np.repeat((smooth / smooth.max() * 255).astype(np.uint8)[..., None], 3, -1)
    rows, columns = np.mgrid[:128, :128]
    joints = (rows % 16 < 2) | ((columns + 16 * (rows // 16 % 2)) % 32 < 2)
    bricks = np.repeat(np.where(joints, 200, 90).astype(np.uint8)[..., None], 3, -1)
    assert is_regular(bricks)
    assert not is_regular(gravel)
    assert concentration(np.zeros((8, 8, 3), np.uint8)) == 0


def test_a_broken_up_tile_keeps_its_contrast_and_loses_its_repeat(bare_addon: ModuleType, tmp_path: Path) -> None:
    """A plane of eight by eight repeats, straight from above."""
    plain, broken = (_plane(tmp_path, regular=regular) for regular in (True, False))
    assert 0.85 < broken.std() / plain.std() < 1.15
    assert _repeat(plain) > 0.8
    assert _repeat(broken) < 0.3


def _plane(folder: Path, *, regular: bool) -> np.ndarray:
    """(256, 256) luma of the render."""
    import bpy

    from blender_addon.scene.png import encode_png
    from blender_addon.scene.surfaces.render import _frame, _prepare, paint_scene
    from sd_core.values import read_picture

    chance = np.random.default_rng(5)
    cells = chance.random((16, 16)).repeat(4, 0).repeat(4, 1)
    picture = np.repeat((cells * 200 + 20).astype(np.uint8)[..., None], 3, -1)
    (folder / "tile.png").write_bytes(encode_png(picture))
    mean = float((((picture / 255 + 0.055) / 1.055) ** 2.4).mean())
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_plane_add(size=8)
    bpy.context.object.name = "Cube"
    scene = bpy.context.scene
    bpy.ops.object.light_add(type="SUN")
    bpy.ops.object.camera_add(location=(0, 0, 9))
    scene.camera = bpy.context.object
    scene.camera.data.type, scene.camera.data.ortho_scale = "ORTHO", 8
    scene.render.engine, scene.cycles.samples = "CYCLES", 4
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x = scene.render.resolution_y = 256
    maps = {"base_color": str(folder / "tile.png")}
    paint_scene((paint("tile", maps=maps, regular=regular, repeat=1.0, mean=(mean,) * 3),))
    _prepare(scene, scene.view_layers[0].name)
    _frame(scene, folder / "made.png")
    return read_picture(folder / "made.png").astype(float).mean(-1)


def _repeat(picture: np.ndarray) -> float:
    """Correlation with itself, moved by one repeat of 32 px, at its largest."""
    down = np.corrcoef(picture[32:].ravel(), picture[:-32].ravel())[0, 1]
    across = np.corrcoef(picture[:, 32:].ravel(), picture[:, :-32].ravel())[0, 1]
    return float(max(down, across))
