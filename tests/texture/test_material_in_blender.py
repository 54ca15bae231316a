"""Blender reads a saved material as it was meant: colour as sRGB, all else as data, channels in their places."""

from pathlib import Path

import numpy as np
import pytest

from tests.texture.test_material_files import made

pytestmark = pytest.mark.blender


def test_blender_reads_the_gltf_with_the_right_colour_spaces_and_channels(tmp_path: Path) -> None:
    import bpy

    result = made()
    result.save(tmp_path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "mossy_cobblestone.gltf"))
    material = bpy.data.materials["mossy_cobblestone"]
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    base = source(shader.inputs["Base Color"])
    assert base.image.colorspace_settings.name == "sRGB" and "diff" in base.image.name
    normal_map = shader.inputs["Normal"].links[0].from_node
    assert normal_map.type == "NORMAL_MAP"
    normal = source(normal_map.inputs["Color"])
    assert normal.image.colorspace_settings.name == "Non-Color" and "nor_gl" in normal.image.name
    for name, channel in (("Roughness", "Green"), ("Metallic", "Blue")):
        link = shader.inputs[name].links[0]
        assert link.from_socket.name == channel
        packed = source(link.from_node.inputs[0])
        assert packed.image.colorspace_settings.name == "Non-Color" and "arm" in packed.image.name
    pixels = np.array(packed.image.pixels[:]).reshape(128, 128, 4)[::-1]
    assert np.abs(pixels[..., 1] - result.maps["roughness"]).max() < 1 / 255


def test_the_plane_has_u_to_the_right_and_v_upwards(tmp_path: Path) -> None:
    """So that the red of an OpenGL normal map points right and its green up."""
    import bpy

    made().save(tmp_path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "mossy_cobblestone.gltf"))
    plane = bpy.data.objects["plane"]
    uvs = np.array([loop.uv[:] for loop in plane.data.uv_layers[0].data])
    corners = np.array([plane.data.vertices[loop.vertex_index].co[:] for loop in plane.data.loops])
    # glTF's y up becomes Blender's z up.
    assert np.allclose(uvs[:, 0], corners[:, 0] + 0.5, atol=1e-6) and np.allclose(
        uvs[:, 1], corners[:, 2] + 0.5, atol=1e-6
    )


def source(socket):  # noqa: ANN001, ANN201 - types of bpy
    """The image node that feeds a socket, maybe through others."""
    node = socket.links[0].from_node
    while node.type != "TEX_IMAGE":
        node = next(i for i in node.inputs if i.is_linked and i.type == "RGBA").links[0].from_node
    return node
