# SPDX-License-Identifier: GPL-3.0-or-later
"""The undeformed position of every surface point as an AOV, written by every material of a file.

A point keeps its value while its object moves, turns and deforms; `sd_core.passes` reads it as `position` in rest space.
"""

from __future__ import annotations

import bpy

AOV = "rest_position"

_SCALE = "sdcore_rest_scale"
"""Custom property of objects: their scale, which brings the values to scene units."""

_INSTANCE_SPACING = 64.0
"""Scene units between instances of one object, which share their rest positions."""

_REST_ATTRIBUTE = "rest_position"
"""Blender's own attribute: positions before shape keys and modifiers."""


def add_rest_positions(layer: bpy.types.ViewLayer) -> None:
    """Add the AOV to a view layer and to every object and material of the file; for a copy of a file only."""
    aov = layer.aovs.add()
    aov.name, aov.type = AOV, "COLOR"
    for item in bpy.data.objects:
        if item.type in {"MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME"}:
            _prepare(item)
    for material in bpy.data.materials:
        if material.grease_pencil is None:
            _add_aov_output(material)


def _prepare(item: bpy.types.Object) -> None:
    if item.type == "MESH":
        item.add_rest_position_attribute = True
    item[_SCALE] = [float(side) for side in item.matrix_world.to_scale()]
    _fill_slots(item)


def _fill_slots(item: bpy.types.Object) -> None:
    """What has no material is rendered with Blender's default one, which writes no AOV."""
    materials = getattr(item.data, "materials", None)
    if materials is None:
        return
    if not materials:
        materials.append(_plain_material())
    for slot in item.material_slots:
        if slot.material is None:
            slot.material = _plain_material()


def _plain_material() -> bpy.types.Material:
    return bpy.data.materials.get("sdcore plain") or bpy.data.materials.new("sdcore plain")


def _add_aov_output(material: bpy.types.Material) -> None:
    _use_nodes(material)
    tree = material.node_tree
    rest = _attribute(tree, "GEOMETRY", _REST_ATTRIBUTE)
    # Where there is no such attribute, as on curves and on generated geometry, the place within the object serves.
    own = tree.nodes.new("ShaderNodeTexCoord").outputs["Object"]
    there = tree.nodes.new("ShaderNodeVectorMath")
    there.operation = "LENGTH"
    tree.links.new(rest.outputs["Vector"], there.inputs[0])
    known = tree.nodes.new("ShaderNodeMath")
    known.operation, known.inputs[1].default_value = "GREATER_THAN", 0
    tree.links.new(there.outputs["Value"], known.inputs[0])
    mixed = _mix(tree, known.outputs["Value"], own, rest.outputs["Vector"])
    scaled = _vector_math(tree, "MULTIPLY", mixed, _attribute(tree, "OBJECT", _SCALE).outputs["Vector"])
    instance = tree.nodes.new("ShaderNodeObjectInfo").outputs["Random"]
    apart = _vector_math(tree, "SCALE", None, None)
    apart.node.inputs[0].default_value = (_INSTANCE_SPACING, _INSTANCE_SPACING, _INSTANCE_SPACING)
    tree.links.new(instance, apart.node.inputs["Scale"])
    written = tree.nodes.new("ShaderNodeOutputAOV")
    written.aov_name = AOV
    tree.links.new(_vector_math(tree, "ADD", scaled, apart), written.inputs["Color"])


def _use_nodes(material: bpy.types.Material) -> None:
    """Before Blender 5.0 a material may be without nodes; it keeps its colour."""
    if bpy.app.version < (5, 0) and not material.use_nodes:
        colour = tuple(material.diffuse_color)
        material.use_nodes = True
        principled = next((node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
        if principled is not None:
            principled.inputs["Base Color"].default_value = colour


def _attribute(tree: bpy.types.NodeTree, kind: str, name: str) -> bpy.types.Node:
    node = tree.nodes.new("ShaderNodeAttribute")
    node.attribute_type, node.attribute_name = kind, name
    return node


def _mix(
    tree: bpy.types.NodeTree, share: bpy.types.NodeSocket, zero: bpy.types.NodeSocket, one: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    node = tree.nodes.new("ShaderNodeMix")
    node.data_type = "VECTOR"
    factor, first, second = (
        next(s for s in node.inputs if s.enabled and s.name == name) for name in ["Factor", "A", "B"]
    )
    for socket, link in zip((factor, first, second), (share, zero, one), strict=True):
        tree.links.new(link, socket)
    return next(socket for socket in node.outputs if socket.enabled)


def _vector_math(
    tree: bpy.types.NodeTree,
    operation: str,
    first: bpy.types.NodeSocket | None,
    second: bpy.types.NodeSocket | None,
) -> bpy.types.NodeSocket:
    node = tree.nodes.new("ShaderNodeVectorMath")
    node.operation = operation
    for socket, link in zip(node.inputs, (first, second), strict=False):
        if link is not None:
            tree.links.new(link, socket)
    return node.outputs["Vector"]
