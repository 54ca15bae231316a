# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects can be painted once for a whole shot, and why others cannot."""

from __future__ import annotations

import bpy

from .wishes import is_kept, materials_of

SOLID = frozenset({"MESH", "CURVE", "SURFACE", "META", "FONT"})
"""Types of objects that show a surface."""

FRAMES_ONLY = {
    "VOLUME": "a volume",
    "CURVES": "hair",
    "POINTCLOUD": "a point cloud",
    "GREASEPENCIL": "grease pencil",
    "GPENCIL": "grease pencil",
}
"""Types that no texture can be painted on, in words."""

_UNPAINTED = frozenset({"BSDF_GLASS", "BSDF_REFRACTION", "BSDF_TRANSPARENT", "EMISSION", "HOLDOUT"})
"""Shaders that a texture would take the place of."""

_CLEAR = 0.3
"""Transmission from which on a surface counts as glass: below, its colour is what is seen."""


def frames_only(item: bpy.types.Object) -> str:
    """Why an object can only be made frame by frame, in words; empty where it can be painted."""
    if item.type in FRAMES_ONLY:
        return FRAMES_ONLY[item.type]
    if any(modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN" for modifier in item.modifiers):
        return "a simulated fluid"
    if any(modifier.type == "EXPLODE" for modifier in item.modifiers):
        return "its faces change from frame to frame"
    if item.type == "MESH" and materials_of(item) and all(map(_is_volume, materials_of(item))):
        return "a volume"
    return ""


def kept_because(item: bpy.types.Object) -> str:
    """Why an object keeps its materials, in words; empty where it does not."""
    if is_kept(item):
        return "as you say"
    found = {why for why in map(_own_look, materials_of(item)) if why}
    return found.pop() if len(found) == 1 and all(map(_own_look, materials_of(item))) else ""


def keeps_its_look(material: bpy.types.Material) -> bool:
    """Whether a material is glass or shines, so that a texture would spoil it."""
    return bool(_own_look(material))


def has_hair(item: bpy.types.Object) -> bool:
    """Whether particles make hair on it, which is left as it is."""
    return any(system.settings.type == "HAIR" for system in item.particle_systems)


def output_shader(material: bpy.types.Material) -> bpy.types.Node | None:
    """The node whose surface a material shows."""
    if material.node_tree is None:
        return None
    output = material.node_tree.get_output_node("ALL") or material.node_tree.get_output_node("CYCLES")
    links = [] if output is None else output.inputs["Surface"].links
    return links[0].from_node if links else None


def _own_look(material: bpy.types.Material) -> str:
    shader = output_shader(material)
    if shader is None:
        return ""
    if shader.type == "EMISSION":
        return "it shines"
    if shader.type in _UNPAINTED or _transmission(shader) > _CLEAR:
        return "glass"
    return ""


def _transmission(shader: bpy.types.Node) -> float:
    if shader.type != "BSDF_PRINCIPLED":
        return 0.0
    socket = shader.inputs.get("Transmission Weight") or shader.inputs.get("Transmission")
    return 0.0 if socket is None else float(socket.default_value)


def _is_volume(material: bpy.types.Material) -> bool:
    if material.node_tree is None:
        return False
    output = material.node_tree.get_output_node("ALL") or material.node_tree.get_output_node("CYCLES")
    return output is not None and output.inputs["Volume"].is_linked and not output.inputs["Surface"].is_linked
