"""What a shot shows, and how each object of it is to be painted; in the real Blender, without a server."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.blender.scenes import needs_bpy

pytestmark = [
    pytest.mark.blender,
    needs_bpy,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def scene() -> Any:
    """A ground of 40 units and a camera that turns a little around its middle, over three frames."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    made = bpy.context.scene
    made.world = bpy.data.worlds.new("sky")
    made.render.resolution_x, made.render.resolution_y = 96, 64
    made.render.engine = "CYCLES"
    made.frame_start, made.frame_end = 1, 3
    bpy.ops.mesh.primitive_plane_add(size=40)
    bpy.context.object.name = "Ground"
    bpy.ops.object.camera_add(location=(0, -7, 2.5), rotation=(math.radians(74), 0, 0))
    made.camera = bpy.context.object
    for frame, x in ((1, -1.0), (3, 1.0)):
        made.camera.location.x = x
        made.camera.keyframe_insert("location", frame=frame)
    return made


@pytest.fixture
def survey(scene: Any, tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """Look at the scene; gives what was found by name. The scene is spoilt by it, as the copy is."""

    def look() -> dict[str, Any]:
        from blender_addon.scene.surfaces import survey
        from blender_addon.scene.surfaces.found import SurveyOrder, read_found

        order = SurveyOrder(
            scene=scene.name,
            view_layer=scene.view_layers[0].name,
            frames=(1, 2, 3),
            size=(96, 64),
            limit=512,
            prompt="old town",
            folder=tmp_path,
        )
        survey._survey(order, scripts=False)
        return {seen.name: seen for seen in read_found(tmp_path)}

    return look


def cube(name: str, place: tuple[float, float, float], size: float = 1.0) -> Any:
    import bpy

    bpy.ops.mesh.primitive_cube_add(size=size, location=place)
    bpy.context.object.name = name
    return bpy.context.object


def test_what_is_seen_is_found_and_nothing_else(survey: Callable[[], dict[str, Any]]) -> None:
    cube("Crate", (0, 0, 0.5))
    cube("Behind the camera", (0, -20, 0.5))
    cube("Behind the crate", (0, 1.4, 0.3), 0.2)
    cube("Not rendered", (2, 0, 0.5)).hide_render = True
    found = survey()
    assert set(found) == {"Ground", "Crate"}
    assert (found["Ground"].surface, found["Crate"].surface) == ("tile", "views")
    assert 0.3 < found["Ground"].share < 0.9
    assert 0.005 < found["Crate"].share < 0.1


def test_a_texture_has_a_texel_for_each_pixel_up_to_the_limit(survey: Callable[[], dict[str, Any]]) -> None:
    cube("Far", (3, 14, 0.5))
    cube("Near", (0, -3, 0.8), 1.5)
    found = survey()
    assert found["Far"].size == 256
    assert found["Near"].needed > 2 * found["Far"].needed
    assert max(seen.size for seen in found.values()) <= 512


def test_a_speck_in_the_distance_costs_no_views(survey: Callable[[], dict[str, Any]]) -> None:
    cube("Speck", (0.2, 40, 0.6), 1.2)
    assert (survey()["Speck"].surface, survey()["Speck"].why) == ("tile", "it is small in the pictures")


def test_the_room_around_the_camera_gets_a_tile(survey: Callable[[], dict[str, Any]]) -> None:
    import bpy

    bpy.data.objects.remove(bpy.data.objects["Ground"])
    cube("Room", (0, 0, 5), 30)
    found = survey()["Room"]
    assert (found.surface, found.why) == ("tile", "the camera is within it")


def test_cameras_of_the_shot_see_the_object_at_rest(
    survey: Callable[[], dict[str, Any]], scene: Any, tmp_path: Path
) -> None:
    turned = cube("Crate", (0.5, 1, 0.5))
    turned.rotation_euler.z, turned.scale = 0.6, (1, 2, 0.5)
    found = survey()["Crate"]
    assert 1 <= len(found.views) <= 4
    with np.load(tmp_path / found.arrays) as held:
        corners = held["vertices"]
    assert np.allclose(np.ptp(corners, axis=0), (1, 2, 0.5), atol=1e-5), "scaled, neither turned nor moved"
    from sd_core.passes import Camera
    from sd_core.passes.camera import project

    for matrix, intrinsics in found.views:
        pixels, depth = project(corners, Camera(np.array(matrix), np.array(intrinsics)))
        assert (depth > 0).all()
        assert (np.abs(pixels - 256) < 330).all()
        assert np.ptp(pixels, axis=0).max() > 350, "it fills the picture"


def test_a_mesh_without_uvs_or_with_overlapping_ones_gets_a_map_of_its_own(
    survey: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    import bpy

    bare = cube("Bare", (-1.5, 0, 0.5))
    bare.data.uv_layers.remove(bare.data.uv_layers[0])
    bpy.ops.mesh.primitive_cube_add(location=(1.5, 0, 0.5), size=1)
    tiled = bpy.context.object
    tiled.name = "Tiled"
    for corner in tiled.data.uv_layers[0].uv:
        corner.vector *= 5
    cube("Own", (0, 2, 0.5))
    found = survey()
    assert [found[name].unwrapped for name in ("Bare", "Tiled", "Own")] == [True, True, False]
    assert tiled.data.uv_layers[0].active_render, "what the user's own textures lie in is rendered as before"
    for name in ("Bare", "Tiled"):
        with np.load(tmp_path / found[name].arrays) as held:
            assert held["uvs"].min() >= 0
            assert held["uvs"].max() <= 1


def test_copies_of_a_mesh_share_a_texture(survey: Callable[[], dict[str, Any]], tmp_path: Path) -> None:
    import bpy

    from blender_addon.stylise.surface_request import groups_of
    from sd_core.requests import MeshTexture

    first = cube("Stone", (-1, 0, 0.5))
    for name, data, x in (("Linked", first.data, 1.0), ("Copied", first.data.copy(), 0.0)):
        other = bpy.data.objects.new(f"Stone {name}", data)
        other.location = (x, 2, 0.5)
        other["sd_core_prompt"] = "stone"
        bpy.context.scene.collection.objects.link(other)
    first["sd_core_prompt"] = "stone"
    holder = bpy.data.collections.new("held")
    hidden = cube("Pebble", (0, 0, 0), 0.4)
    bpy.context.scene.collection.objects.unlink(hidden)
    holder.objects.link(hidden)
    for x in (-2, 2):
        instance = bpy.data.objects.new(f"place {x}", None)
        instance.instance_type, instance.instance_collection = "COLLECTION", holder
        instance.location = (x, -2, 0.3)
        bpy.context.scene.collection.objects.link(instance)
    found = survey()
    assert set(found) == {"Ground", "Stone", "Stone Linked", "Stone Copied", "Pebble"}
    groups = groups_of(list(found.values()), tmp_path, MeshTexture(prompt="x", mesh="none"), lambda text: text)
    names = sorted(sorted(seen.name for seen in group.members) for group in groups)
    assert names == [["Ground"], ["Pebble"], ["Stone", "Stone Copied", "Stone Linked"]]


def test_what_deforms_is_painted_at_rest(survey: Callable[[], dict[str, Any]], scene: Any, tmp_path: Path) -> None:
    import bpy

    bpy.ops.object.armature_add(location=(0, 0, 0))
    armature = bpy.context.object
    figure = cube("Figure", (0, 0, 0.5))
    rest = sorted(tuple(vertex.co) for vertex in figure.data.vertices)
    figure.vertex_groups.new(name="Bone").add(range(4), 1.0, "REPLACE")
    figure.modifiers.new("skeleton", "ARMATURE").object = armature
    figure.shape_key_add(name="Basis")
    figure.shape_key_add(name="wide").data[0].co.x -= 0.4
    figure.data.shape_keys.key_blocks["wide"].value = 1.0
    bone = armature.pose.bones["Bone"]
    bone.rotation_mode = "XYZ"
    for frame, angle in ((1, 0.3), (3, 0.9)):
        bone.rotation_euler.x = angle
        bone.keyframe_insert("rotation_euler", frame=frame)
    found = survey()["Figure"]
    assert (found.surface, found.views, found.notes) == ("views", (), ("painted at rest",))
    with np.load(tmp_path / found.arrays) as held:
        assert np.allclose(sorted(map(tuple, held["vertices"].astype(float))), rest, atol=1e-5)


def test_what_cannot_be_painted_is_named_with_why(survey: Callable[[], dict[str, Any]], scene: Any) -> None:
    import bpy

    smoke = cube("Smoke", (1.5, 0, 0.7))
    material = bpy.data.materials.new("smoke")
    material.node_tree.nodes.clear()
    output, volume = (
        material.node_tree.nodes.new(kind) for kind in ("ShaderNodeOutputMaterial", "ShaderNodeVolumePrincipled")
    )
    material.node_tree.links.new(volume.outputs["Volume"], output.inputs["Volume"])
    smoke.data.materials.append(material)
    grown = cube("Grown", (-1.5, 0, 0.5))
    build = grown.modifiers.new("build", "BUILD")
    build.frame_start, build.frame_duration = -2, 8
    lamp = cube("Lamp", (0, 0, 0.5))
    shining = bpy.data.materials.new("shining")
    shining.node_tree.nodes.clear()
    output, light = (shining.node_tree.nodes.new(kind) for kind in ("ShaderNodeOutputMaterial", "ShaderNodeEmission"))
    shining.node_tree.links.new(light.outputs[0], output.inputs["Surface"])
    lamp.data.materials.append(shining)
    mine = cube("Mine", (0, 3, 0.5))
    mine["sd_core_keep"] = True
    found = survey()
    assert (found["Smoke"].surface, found["Smoke"].why) == ("frames", "a volume")
    assert (found["Grown"].surface, found["Grown"].why) == ("frames", "its faces change from frame to frame")
    assert (found["Lamp"].surface, found["Lamp"].why) == ("keep", "it shines")
    assert (found["Mine"].surface, found["Mine"].why) == ("keep", "as you say")


def test_prompts_come_from_the_object_its_material_its_collection_or_a_name_that_means_something(
    survey: Callable[[], dict[str, Any]],
) -> None:
    import bpy

    own = cube("Cube", (-2, 0, 0.5))
    own["sd_core_prompt"] = "red brick"
    by_material, by_collection, by_name, nameless = (
        cube(name, (x, 0, 0.5)) for name, x in (("A", -1), ("B", 0), ("SM_OldBarn.003", 1), ("Cube.007", 2))
    )
    material = bpy.data.materials.new("Material.001")
    material["sd_core_prompt"] = "blue tin"
    by_material.data.materials.append(material)
    collection = bpy.data.collections.new("rocks")
    collection["sd_core_prompt"] = "mossy rock"
    bpy.context.scene.collection.children.link(collection)
    collection.objects.link(by_collection)
    found = survey()
    prompts = [found[item.name].prompt for item in (own, by_material, by_collection, by_name, nameless)]
    assert prompts == ["red brick", "blue tin", "mossy rock", "old barn, old town", "old town"]


def test_materials_with_prompts_of_their_own_are_painted_by_themselves(
    survey: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    import bpy

    house = cube("House", (0, 0, 1), 2)
    for index, name in enumerate(("roof tiles", "plaster", "plaster.001")):
        house.data.materials.append(bpy.data.materials.new(name))
        house.data.polygons[index].material_index = index
    bpy.data.materials["roof tiles"]["sd_core_prompt"] = "red roof tiles"
    found = survey()
    assert set(found) == {"Ground", "House / roof tiles", "House / plaster"}
    roof, walls = found["House / roof tiles"], found["House / plaster"]
    assert (roof.object, roof.slots, roof.prompt) == ("House", (0,), "red roof tiles")
    assert (walls.slots, walls.prompt) == ((1, 2), "plaster, old town")
    counts = []
    for seen in (roof, walls):
        with np.load(tmp_path / seen.arrays) as held:
            counts.append(len(held["faces"]))
    assert counts == [8, 4]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Cube.003", ""),
        ("Material.001", ""),
        ("m0", ""),
        ("Suzanne", ""),
        ("SM_OldBarn_LOD0", "old barn"),
        ("rusty_iron.002", "rusty iron"),
        ("Wand links", "wand links"),
        ("Bäume", "bäume"),
        ("M_Gravel_mat", "gravel"),
    ],
)
def test_a_name_means_something_or_nothing(name: str, words: str) -> None:
    from blender_addon.scene.surfaces.names import words_of

    assert words_of(name) == words
