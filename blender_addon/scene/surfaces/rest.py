# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of a copied file at rest: without armatures, shape keys, simulations and other deformers, which move a surface only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import bpy
import numpy as np

_DEFORMERS = frozenset(
    """
    ARMATURE CAST CLOTH COLLISION CORRECTIVE_SMOOTH CURVE DISPLACE DYNAMIC_PAINT HOOK LAPLACIANDEFORM LAPLACIANSMOOTH
    LATTICE MESH_CACHE MESH_DEFORM MESH_SEQUENCE_CACHE SHRINKWRAP SIMPLE_DEFORM SMOOTH SOFT_BODY SURFACE SURFACE_DEFORM WARP
    WAVE
    """.split()  # noqa: SIM905 - a list of so many takes a page
)
"""Modifiers that leave the faces as they are. OCEAN is none: it makes its own."""

_DEFORMING_PARENTS = frozenset({"ARMATURE", "LATTICE", "CURVE"})

_FINEST = 4
"""Levels of subdivision from which on no texture shows a difference."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A triangulated mesh.

    vertices: (v, 3). faces: (t, 3). corners: (t, 3), indices of the mesh's loops, of which there are `loops`. slots: (t,), of
    materials.
    """

    vertices: np.ndarray
    faces: np.ndarray
    corners: np.ndarray
    loops: int
    slots: np.ndarray

    def only(self, slots: tuple[int, ...]) -> Shape:
        """The faces with these material slots, of the same mesh; all of them where none is named."""
        if not slots:
            return self
        held = np.isin(self.slots, slots)
        return replace(self, faces=self.faces[held], corners=self.corners[held], slots=self.slots[held])

    def fits(self, other: Shape) -> bool:
        """Whether both have the same faces."""
        return (
            len(self.vertices) == len(other.vertices)
            and self.loops == other.loops
            and len(self.faces) == len(other.faces)
        )

    def equals(self, other: Shape) -> bool:
        """Whether nothing has moved."""
        if not self.fits(other):
            return False
        reach = float(np.ptp(self.vertices, axis=0).max()) if len(self.vertices) else 0.0
        return bool(np.abs(self.vertices - other.vertices).max(initial=0) <= 1e-4 * reach)


def show_as_rendered(scene: bpy.types.Scene) -> None:
    """Objects and modifiers as a render has them, since what is evaluated here is what the window would show."""
    for item in scene.objects:
        if not item.hide_render:
            item.hide_viewport = False
            item.hide_set(False) if item.name in bpy.context.view_layer.objects else None
    for item in bpy.data.objects:
        for modifier in item.modifiers:
            modifier.show_viewport = modifier.show_render
            if modifier.type in {"SUBSURF", "MULTIRES"}:
                modifier.levels = min(modifier.render_levels, _FINEST)


def may_change(item: bpy.types.Object) -> bool:
    """Whether the shape of an object may be another one at rest, or at another frame."""
    keys = getattr(item.data, "shape_keys", None)
    return bool(item.modifiers) or keys is not None or item.parent_type in _DEFORMING_PARENTS


def put_to_rest() -> None:
    """Switch every deformer of the file off, for good: the file is a copy."""
    for held in bpy.data.armatures:
        held.pose_position = "REST"
    for item in bpy.data.objects:
        for modifier in item.modifiers:
            if modifier.type in _DEFORMERS:
                modifier.show_viewport = False
        if getattr(item.data, "shape_keys", None) is not None:
            item.show_only_shape_key, item.active_shape_key_index = True, 0
    bpy.context.view_layer.update()


def shape_of(item: bpy.types.Object) -> Shape | None:
    """The evaluated triangles in the object's own space; None where there are none."""
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    if not evaluated.is_evaluated:
        return None
    mesh = evaluated.to_mesh()
    if mesh is None:
        return None
    try:
        return _shape(mesh)
    finally:
        evaluated.to_mesh_clear()


def uvs_of(item: bpy.types.Object, name: str, shape: Shape) -> np.ndarray | None:
    """(t, 3, 2) of a UV map, empty for the one that is rendered; None where the evaluated mesh has no such map."""
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    try:
        layers = mesh.uv_layers
        layer = layers.get(name) if name else next((held for held in layers if held.active_render), None)
        if layer is None or len(layer.uv) != shape.loops:
            return None
        flat = np.empty(shape.loops * 2, np.float32)
        layer.uv.foreach_get("vector", flat)
        return flat.reshape(-1, 2)[shape.corners]
    finally:
        evaluated.to_mesh_clear()


def _shape(mesh: bpy.types.Mesh) -> Shape | None:
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    if not count:
        return None
    vertices = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", vertices)
    faces, corners = np.empty(count * 3, np.int32), np.empty(count * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", faces)
    mesh.loop_triangles.foreach_get("loops", corners)
    slots = np.empty(count, np.int32)
    mesh.loop_triangles.foreach_get("material_index", slots)
    return Shape(vertices.reshape(-1, 3), faces.reshape(-1, 3), corners.reshape(-1, 3), len(mesh.loops), slots)
