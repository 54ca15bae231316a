# SPDX-License-Identifier: GPL-3.0-or-later
"""Painted materials: each of an object's own, with its alpha, normals and all that a colour does not change, in other colours."""

from __future__ import annotations

from collections.abc import Mapping

import bpy

from ..images import DATA, SRGB
from .kinds import keeps_its_look, output_shader
from .paint import Paint
from .tiles import tile_nodes

PAINTED = "sd_core_painted"
"""Custom property of a painted material: the name of the material in whose place it is, perhaps empty."""

_SPECULAR = 0.2
"""Of materials that are not the user's, in place of 0.5: with estimated roughness a ground against the sun turned white."""

_RELIEF = 0.01
"""Depth of a tile's relief, in repeats."""


def paint_object(
    item: bpy.types.Object, paint: Paint, images: Mapping[str, bpy.types.Image]
) -> list[bpy.types.Material]:
    """Show a texture on every slot of an object, and of this object alone; what looks like glass or shines stays.

    Gives the new materials.
    """
    if not item.material_slots:
        item.data.materials.append(None)
    made: dict[str, bpy.types.Material] = {}
    for index, slot in enumerate(item.material_slots):
        own = slot.material
        if own is not None and PAINTED in own:
            own = bpy.data.materials.get(own[PAINTED])
        if (own is not None and keeps_its_look(own)) or (paint.slots and index not in paint.slots):
            continue
        name = "" if own is None else own.name_full
        if name not in made:
            made[name] = painted_material(own, paint, images)
        _show(item, index, made[name])
    return list(made.values())


def _show(item: bpy.types.Object, index: int, material: bpy.types.Material) -> None:
    """On the object; where that is linked from another file, on its mesh, which in a copied file is as good."""
    slot = item.material_slots[index]
    if item.library is None:
        slot.link, slot.material = "OBJECT", material
    else:
        item.data.materials[index] = material


def painted_material(
    own: bpy.types.Material | None, paint: Paint, images: Mapping[str, bpy.types.Image]
) -> bpy.types.Material:
    """A new material in the place of an object's own."""
    shader = None if own is None else output_shader(own)
    simple = shader is not None and shader.type == "BSDF_PRINCIPLED"
    made = own.copy() if own is not None and simple else _plain()
    made.name = paint.title
    made[PAINTED] = "" if own is None else own.name
    tree, principled = made.node_tree, output_shader(made)
    assert principled is not None, "a Principled BSDF is there"
    colours = tile_nodes(tree, paint, dict(images)) if paint.is_tile else _flat(tree, paint, images)
    _connect(tree, principled, paint, colours)
    return made


def colour_space(kind: str) -> str:
    """Of a map."""
    return SRGB if kind == "base_color" else DATA


def _plain() -> bpy.types.Material:
    made = bpy.data.materials.new("painted")
    if made.node_tree is None:  # before Blender 5.0 a material need not have nodes
        made.use_nodes = True
    made.node_tree.nodes.clear()
    output = made.node_tree.nodes.new("ShaderNodeOutputMaterial")
    shader = made.node_tree.nodes.new("ShaderNodeBsdfPrincipled")
    made.node_tree.links.new(shader.outputs["BSDF"], output.inputs["Surface"])
    specular = shader.inputs.get("Specular IOR Level") or shader.inputs["Specular"]  # before Blender 4.0
    specular.default_value = _SPECULAR
    return made


def _flat(
    tree: bpy.types.NodeTree, paint: Paint, images: Mapping[str, bpy.types.Image]
) -> dict[str, bpy.types.NodeSocket]:
    place = tree.nodes.new("ShaderNodeUVMap")
    place.uv_map = paint.uv_map
    found = {}
    for kind, image in images.items():
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image, node.extension = image, "EXTEND"
        tree.links.new(place.outputs["UV"], node.inputs["Vector"])
        found[kind] = node.outputs["Color"]
    return found


def _connect(
    tree: bpy.types.NodeTree, shader: bpy.types.Node, paint: Paint, colours: Mapping[str, bpy.types.NodeSocket]
) -> None:
    """Colour always; roughness and relief where the user's material has none of its own."""
    tree.links.new(colours["base_color"], shader.inputs["Base Color"])
    if "roughness" in colours and not shader.inputs["Roughness"].is_linked:
        tree.links.new(colours["roughness"], shader.inputs["Roughness"])
    if shader.inputs["Normal"].is_linked:
        return
    if paint.is_tile and "height" in colours:
        bump = tree.nodes.new("ShaderNodeBump")
        bump.inputs["Distance"].default_value = paint.repeat * _RELIEF
        tree.links.new(colours["height"], bump.inputs["Height"])
        tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    elif not paint.is_tile and "normal" in colours:
        node = tree.nodes.new("ShaderNodeNormalMap")
        node.uv_map = paint.uv_map
        tree.links.new(colours["normal"], node.inputs["Color"])
        tree.links.new(node.outputs["Normal"], shader.inputs["Normal"])
