# SPDX-License-Identifier: GPL-3.0-or-later
"""UV maps that a texture can be painted into: an object's own, or a new one that a copied file gets."""

from __future__ import annotations

import bpy
import numpy as np

UV_MAP = "Painted Surface"
"""Name of a UV map that is made."""

_FULL, _EMPTY = 1.02, 0.05
"""Area that the faces cover in the UV map: more than all of it means that they overlap, less that it is a corner of an atlas."""

_SLACK = 1e-3
_ANGLE, _APART = 1.15, 0.01
"""Smart UV Project: Blender's own angle of 66 degrees, and a hundredth of the side between islands, against bleeding."""


def is_paintable(uvs: np.ndarray | None) -> bool:
    """Whether each point of (t, 3, 2) UVs has a place of its own within the unit square."""
    if uvs is None or not len(uvs) or uvs.min() < -_SLACK or uvs.max() > 1 + _SLACK:
        return False
    return _EMPTY <= uv_area(uvs) <= _FULL


def uv_area(uvs: np.ndarray) -> float:
    """Area of (t, 3, 2) triangles, counted twice where they overlap."""
    first, second = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    return float(np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum() / 2)


def surface_area(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Area of triangles."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def unwrap(item: bpy.types.Object) -> bool:
    """Give the mesh of an object a new UV map, by Smart UV Project; False where that is not possible.

    A mesh that has one already keeps it. The map that is rendered stays the same.
    """
    mesh = item.data
    if mesh.uv_layers.get(UV_MAP) is not None:
        return True
    shown = next((layer.name for layer in mesh.uv_layers if layer.active_render), "")
    layer = mesh.uv_layers.new(name=UV_MAP)
    if layer is None:
        return False
    mesh.uv_layers.active = layer
    if mesh.library is None:
        _project(mesh)
    else:
        _project_copy(mesh)
    if shown:
        mesh.uv_layers[shown].active_render = True
    return True


def _project_copy(mesh: bpy.types.Mesh) -> None:
    """Edit Mode refuses what is linked from another file: its copy is unwrapped in its place."""
    own = mesh.copy()
    try:
        own.uv_layers.active = own.uv_layers[UV_MAP]
        _project(own)
        flat = np.empty(len(own.loops) * 2, np.float32)
        own.uv_layers[UV_MAP].data.foreach_get("uv", flat)
        mesh.uv_layers[UV_MAP].data.foreach_set("uv", flat)
    finally:
        bpy.data.meshes.remove(own)


def _project(mesh: bpy.types.Mesh) -> None:
    """On an object of the scene that is open: the mesh's own may be hidden, or belong to no scene at all."""
    double, layer = bpy.data.objects.new("unwrap", mesh), bpy.context.view_layer
    bpy.context.scene.collection.objects.link(double)
    before = layer.objects.active
    try:
        for other in list(bpy.context.selected_objects):
            other.select_set(False)
        layer.objects.active = double
        double.select_set(True)
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.reveal(select=True)
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.smart_project(angle_limit=_ANGLE, island_margin=_APART)
        bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        bpy.data.objects.remove(double)
        layer.objects.active = before
