"""Project Texture on a real server with the built-in model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core.errors import RequestError
from tests.blender import scenes
from tests.blender.scenes import needs_bpy

pytestmark = [
    pytest.mark.blender,
    needs_bpy,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SECONDS = 400
MAPS = ("ambient_occlusion", "height", "metallic", "normal", "roughness")


@pytest.fixture
def scene(bare_addon: ModuleType) -> Any:
    """A turning cube on a floor, both selected, to be painted small and in few steps."""
    import bpy

    made = scenes.turning_cube(64, 48)
    held = scenes.small_pictures(made)
    held.project.texture_size, held.project.max_views = 128, 4
    select("Cube", "Floor")
    bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]
    return made


def select(*names: str) -> None:
    import bpy

    for item in bpy.data.objects:
        item.select_set(item.name in names)


def project() -> Any:
    """Call the operator and wait; gives the job."""
    import bpy

    from blender_addon import jobs

    assert bpy.ops.sdcore.project_texture() == {"FINISHED"}
    return jobs.wait(jobs.running_jobs()[-1], SECONDS)


def geometry(mesh: Any, uv_maps: Sequence[str]) -> str:
    """SHA-256 of vertices, faces, UV maps and the materials of a mesh itself."""
    sha = hashlib.sha256()
    for items, name, count in (
        (mesh.vertices, "co", 3),
        (mesh.loops, "vertex_index", 1),
        (mesh.polygons, "loop_start", 1),
    ):
        flat = np.empty(len(items) * count, np.float32 if name == "co" else np.int32)
        items.foreach_get(name, flat)
        sha.update(flat.tobytes())
    for name in uv_maps:
        flat = np.empty(len(mesh.loops) * 2, np.float32)
        mesh.uv_layers[name].uv.foreach_get("vector", flat)
        sha.update(flat.tobytes())
    sha.update(repr([held and held.name for held in mesh.materials if held is not None]).encode())
    sha.update(repr(mesh.uv_layers.active.name if mesh.uv_layers.active else None).encode())
    return sha.hexdigest()


def all_geometry() -> dict[str, str]:
    import bpy

    return {mesh.name: geometry(mesh, [layer.name for layer in mesh.uv_layers]) for mesh in bpy.data.meshes}


def image_of(name: str, kind: str = "Base Color") -> Any:
    """The image that the material of an object shows."""
    import bpy

    (slot,) = bpy.data.objects[name].material_slots
    shader = next(node for node in slot.material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    (link,) = shader.inputs[kind].links
    return link.from_node.image


def pixels(image: Any) -> np.ndarray:
    from blender_addon.scene.images import read_pixels

    return read_pixels(image).rgba()[..., :3]


@pytest.mark.usefixtures("addon")
def test_several_objects_get_a_texture_each_and_their_meshes_stay_as_they_are(scene: Any) -> None:
    import bpy

    meshes, remembered = all_geometry(), scenes.remembered(scene)
    job = project()
    assert all_geometry() == meshes
    slots = {name: bpy.data.objects[name].material_slots[0] for name in ("Cube", "Floor")}
    assert all(slot.link == "OBJECT" for slot in slots.values())
    assert bpy.data.meshes["Cube"].materials[0].name == "paint"
    textures = [image_of(name) for name in slots]
    assert textures[0] != textures[1]
    for texture in textures:
        assert tuple(texture.size) == (128, 128)
        assert texture.colorspace_settings.name == "sRGB"
        assert pixels(texture).std() > 0.01, "painted"
    names = {image.name.split()[-1] for image in bpy.data.images}
    assert set(MAPS) <= names
    assert int(job.message.rstrip("%")) >= 85, "seen from four views"
    old, new = remembered[0], scenes.remembered(scene)[0]
    assert old["scene"] == new["scene"]


@pytest.mark.usefixtures("addon")
def test_a_new_uv_map_is_added_to_each_object_and_one_image_serves_all(scene: Any) -> None:
    import bpy

    scene.sd_core.project.uvs, scene.sd_core.project.pbr = "NEW", False
    bpy.data.objects["Cube"].modifiers.clear()
    own = {name: geometry(bpy.data.meshes[name], ["UVMap"]) for name in ("Cube", "Plane")}
    project()
    assert {name: geometry(bpy.data.meshes[name], ["UVMap"]) for name in own} == own
    assert image_of("Cube") == image_of("Floor")
    areas = []
    for name in ("Cube", "Plane"):
        layer = bpy.data.meshes[name].uv_layers["Projected"]
        flat = np.empty(len(layer.uv) * 2, np.float32)
        layer.uv.foreach_get("vector", flat)
        uvs = flat.reshape(-1, 4, 2)
        assert uvs.min() >= 0 and uvs.max() <= 1
        sides = uvs - np.roll(uvs, 1, axis=1)
        areas.append(np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0]))
    assert all((area > 0).all() for area in areas), "no face is squeezed to nothing"
    assert len(bpy.data.images) == 1


def test_a_new_uv_map_on_a_copied_mesh_leaves_the_original_alone(scene: Any) -> None:
    """Copies share their arrays until one of them is written to."""
    import bpy

    from blender_addon.scene.mesh_arrays import ObjectTriangles
    from blender_addon.scene.projected import UV_MAP, _write_uvs

    floor = bpy.data.objects["Floor"]
    floor.data.uv_layers.new(name=UV_MAP)
    twin = floor.copy()
    twin.data = floor.data.copy()
    before = geometry(floor.data, [UV_MAP])
    _write_uvs(
        twin, ObjectTriangles(twin.name, slice(0, 1), np.array([[0, 1, 2]]), 4), np.full((1, 3, 2), 0.25, np.float32)
    )
    assert geometry(floor.data, [UV_MAP]) == before
    assert tuple(twin.data.uv_layers[UV_MAP].uv[1].vector) == (0.25, 0.25)


@pytest.mark.usefixtures("addon")
def test_from_the_camera_the_picture_lands_where_the_camera_sees_it(scene: Any) -> None:
    """The texture, rendered unlit from the same camera, is the picture that was painted."""
    import bpy

    scene.sd_core.project.views, scene.sd_core.project.pbr = "CAMERA", False
    scene.sd_core.project.texture_size = 256
    select("Floor")
    bpy.data.objects["Cube"].hide_render = True
    job = project()
    painted = np.asarray(job.preview).astype(float) / 255
    assert painted.shape == (48, 64, 3)
    (slot,) = bpy.data.objects["Floor"].material_slots
    tree = slot.material.node_tree
    glow = tree.nodes.new("ShaderNodeEmission")
    texture = next(node for node in tree.nodes if node.type == "TEX_IMAGE")
    tree.links.new(texture.outputs["Color"], glow.inputs["Color"])
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    tree.links.new(glow.outputs["Emission"], output.inputs["Surface"])
    scene.view_settings.view_transform = "Standard"
    scene.render.film_transparent = True
    scene.cycles.samples = 64
    bpy.ops.render.render()
    from blender_addon.scene.render_result import render_result

    with scenes.temporary_folder() as folder:
        shown = render_result(scene, folder).astype(float) / 255
    near = (shown[..., 3] == 1) & (np.arange(48) > 30)[:, None]
    assert near.sum() > 500
    there = np.abs(shown[..., :3] - painted)[near].mean()
    mirrored = np.abs(shown[..., :3] - painted[:, ::-1])[near].mean()
    assert there < 0.05
    assert there < 0.7 * mirrored


def test_what_cannot_be_painted_is_said_with_what_to_do(scene: Any) -> None:
    import bpy

    from blender_addon.scene.mesh_arrays import join_meshes

    cube, depsgraph = bpy.data.objects["Cube"], bpy.context.evaluated_depsgraph_get()
    with pytest.raises(RequestError, match="modifiers change"):
        join_meshes([cube], depsgraph, keep_uvs=False)
    with pytest.raises(RequestError, match="no selected object"):
        join_meshes([scene.camera], depsgraph, keep_uvs=True)
    bare = bpy.data.objects.new("Bare", bpy.data.meshes["Plane"].copy())
    bare.data.uv_layers.remove(bare.data.uv_layers[0])
    twin = bpy.data.objects.new("Twin", bare.data)
    for item in (bare, twin):
        scene.collection.objects.link(item)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    with pytest.raises(RequestError, match="'Bare' has no UV map"):
        join_meshes([bare], depsgraph, keep_uvs=True)
    with pytest.raises(RequestError, match="share a mesh"):
        join_meshes([bare, twin], depsgraph, keep_uvs=False)
    assert len(join_meshes([bare], depsgraph, keep_uvs=False).mesh.faces) == 2
    select()
    with pytest.raises(RuntimeError, match="Select the objects"):
        bpy.ops.sdcore.project_texture()


def test_objects_of_another_file_are_refused_before_anything_is_made(scene: Any, tmp_path: Path) -> None:
    import bpy

    path = str(tmp_path / "other.blend")
    bpy.data.libraries.write(path, {bpy.data.objects["Floor"]})
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.objects = ["Floor"]
    (linked,) = wanted.objects
    scene.collection.objects.link(linked)
    select()
    linked.select_set(True)
    for operator in (bpy.ops.sdcore.project_texture, bpy.ops.sdcore.generate_texture):
        with pytest.raises(RuntimeError, match=r"'Floor' is linked from another file; make it local"):
            operator()


def test_what_is_sent_is_the_evaluated_mesh_in_the_world(scene: Any) -> None:
    import bpy

    from blender_addon.scene.mesh_arrays import join_meshes

    cube = bpy.data.objects["Cube"]
    cube.animation_data_clear()
    cube.location, cube.scale = (1, 2, 3), (2, 1, -1)
    bpy.context.view_layer.update()
    held = join_meshes([cube], bpy.context.evaluated_depsgraph_get(), keep_uvs=True)
    corners = held.mesh.vertices[held.mesh.faces].astype(np.float64)
    assert np.allclose(corners.reshape(-1, 3).mean(0), (1, 2, 3), atol=0.1)
    assert len(held.mesh.faces) == 6 * 4 * 2, "subdivided once"
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outwards = corners.mean(1) - (1, 2, 3)
    assert ((normals * outwards).sum(1) > 0).all(), "a mirrored object is not turned inside out"
    assert held.mesh.uvs is not None and held.mesh.uvs.shape == (48, 3, 2)


@pytest.mark.usefixtures("addon")
def test_an_object_that_is_deleted_meanwhile_does_not_matter(scene: Any) -> None:
    import bpy

    from blender_addon import jobs

    scene.sd_core.project.max_views, scene.sd_core.project.pbr = 1, False
    assert bpy.ops.sdcore.project_texture() == {"FINISHED"}
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    job = jobs.wait(jobs.running_jobs()[-1], SECONDS)
    assert job.error is None
    assert image_of("Floor") is not None


@pytest.mark.usefixtures("addon")
def test_uvs_over_several_tiles_become_one_image_with_these_tiles(scene: Any) -> None:
    import bpy

    floor = bpy.data.objects["Floor"]
    layer = floor.data.uv_layers[0]
    flat = np.empty(8, np.float32)
    layer.uv.foreach_get("vector", flat)
    layer.uv.foreach_set("vector", flat * np.tile(np.array([2, 1], np.float32), 4))
    scene.sd_core.project.pbr, scene.sd_core.project.max_views = False, 1
    select("Floor")
    project()
    image = image_of("Floor")
    assert image.source == "TILED"
    assert sorted(tile.number for tile in image.tiles) == [1001, 1002]
    assert len(image.packed_files) == 2
    assert image.colorspace_settings.name == "sRGB"
