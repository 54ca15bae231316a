# SPDX-License-Identifier: GPL-3.0-or-later
"""PBR images wired to a Principled BSDF, for every operator that makes a material."""

from __future__ import annotations

from collections.abc import Mapping

import bpy

from .images import DATA, SRGB

COLOUR_SPACES: Mapping[str, str] = {
    "base_color": SRGB,
    "normal": DATA,
    "height": DATA,
    "roughness": DATA,
    "ambient_occlusion": DATA,
    "metallic": DATA,
}
"""Colour space by map, under the names of `Texture.maps`."""

_COLUMN, _ROW = 300, 280
_HEIGHT_MIDDLE = 0.5


def new_material(
    name: str,
    images: Mapping[str, bpy.types.Image],
    *,
    uv_map: str = "",
    displacement: float = 0.05,
    repeat: bool = True,
) -> bpy.types.Material:
    """A new material that shows PBR maps; see `connect_maps`."""
    material = bpy.data.materials.new(name)
    connect_maps(material, images, uv_map=uv_map, displacement=displacement, repeat=repeat)
    return material


def connect_maps(
    material: bpy.types.Material,
    images: Mapping[str, bpy.types.Image],
    *,
    uv_map: str = "",
    displacement: float = 0.05,
    repeat: bool = True,
) -> None:
    """Replace the nodes of a material by a Principled BSDF with its maps.

    Args:
        images: by names of `Texture.maps`; normals in OpenGL's convention, which is Blender's.
        uv_map: empty for the active one.
        displacement: height of the whole range of the height map, in scene units.
        repeat: whether the images tile; otherwise a mapping node would only be in the way.
    """
    if material.node_tree is None:  # before Blender 5.0 a material need not have nodes
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    output = _node(tree, "ShaderNodeOutputMaterial", 4, 0)
    shader = _node(tree, "ShaderNodeBsdfPrincipled", 3, 0)
    tree.links.new(shader.outputs["BSDF"], output.inputs["Surface"])
    coordinates = _coordinates(tree, uv_map, has_mapping=repeat)
    for row, (kind, image) in enumerate((kind, images[kind]) for kind in COLOUR_SPACES if kind in images):
        node = _node(tree, "ShaderNodeTexImage", 1, -row)
        node.image, node.label = image, node_label(kind)
        node.extension = "REPEAT" if repeat else "EXTEND"
        image.colorspace_settings.name = COLOUR_SPACES[kind]
        tree.links.new(coordinates, node.inputs["Vector"])
        _connect_map(tree, kind, node.outputs["Color"], shader, output, displacement)
    if "height" in images:
        _set_displacement(material)


def node_label(kind: str) -> str:
    """The label of the node that shows a map."""
    return kind.replace("_", " ").capitalize()


def _coordinates(tree: bpy.types.NodeTree, uv_map: str, *, has_mapping: bool) -> bpy.types.NodeSocket:
    source = _node(tree, "ShaderNodeUVMap", -1, 0)
    source.uv_map = uv_map
    if not has_mapping:
        return source.outputs["UV"]
    mapping = _node(tree, "ShaderNodeMapping", 0, 0)
    tree.links.new(source.outputs["UV"], mapping.inputs["Vector"])
    return mapping.outputs["Vector"]


def _connect_map(
    tree: bpy.types.NodeTree,
    kind: str,
    colour: bpy.types.NodeSocket,
    shader: bpy.types.Node,
    output: bpy.types.Node,
    displacement: float,
) -> None:
    """Ambient occlusion stays unconnected: Blender's renderers find it themselves, and would darken twice."""
    match kind:
        case "base_color" | "roughness" | "metallic":
            tree.links.new(colour, shader.inputs[kind.replace("_", " ").title()])
        case "normal":
            node = _node(tree, "ShaderNodeNormalMap", 2, -1)
            tree.links.new(colour, node.inputs["Color"])
            tree.links.new(node.outputs["Normal"], shader.inputs["Normal"])
        case "height":
            node = _node(tree, "ShaderNodeDisplacement", 3, -2)
            node.inputs["Midlevel"].default_value = _HEIGHT_MIDDLE
            node.inputs["Scale"].default_value = displacement
            tree.links.new(colour, node.inputs["Height"])
            tree.links.new(node.outputs["Displacement"], output.inputs["Displacement"])
        case _:
            pass


def _set_displacement(material: bpy.types.Material) -> None:
    """Bump where the mesh is too coarse for true displacement; the user may choose the latter."""
    if hasattr(material, "displacement_method"):
        material.displacement_method = "BUMP"


def _node(tree: bpy.types.NodeTree, kind: str, column: int, row: int) -> bpy.types.Node:
    node = tree.nodes.new(kind)
    node.location = (column * _COLUMN, row * _ROW)
    return node
