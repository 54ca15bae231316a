# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluated meshes of several objects as one `Mesh`, and the way back to each object's own corners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import bpy
import numpy as np

from sd_core.errors import RequestError
from sd_core.requests import Mesh

_NONE: Mapping[str, str] = MappingProxyType({})

_MESHES = frozenset({"MESH", "CURVE", "SURFACE", "META", "FONT"})


@dataclass(frozen=True, slots=True)
class ObjectTriangles:
    """One object's share of the triangles.

    name: of the object. triangles: their slice. loops: (t, 3) indices of corners of the evaluated mesh, which has `loop_count`.
    uv_map: name of the UV map whose coordinates were taken.
    """

    name: str
    triangles: slice
    loops: np.ndarray
    loop_count: int
    uv_map: str = ""


@dataclass(frozen=True, slots=True)
class JoinedMesh:
    """The mesh of a request and its parts; part `i` has object and material number `i`."""

    mesh: Mesh
    objects: tuple[ObjectTriangles, ...]


@dataclass(frozen=True, slots=True)
class _ObjectArrays:
    vertices: np.ndarray
    faces: np.ndarray
    loops: np.ndarray
    uvs: np.ndarray | None
    uv_map: str
    loop_count: int
    has_own_loops: bool
    """Whether these are the corners of the object's own mesh, so that a UV map can be written."""


def join_meshes(
    objects: Sequence[bpy.types.Object],
    depsgraph: bpy.types.Depsgraph,
    *,
    keep_uvs: bool,
    uv_maps: Mapping[str, str] = _NONE,
) -> JoinedMesh:
    """The triangles of objects as they are rendered, with modifiers, in the world.

    Args:
        objects: meshes, curves, texts; others are left out.
        keep_uvs: paint into each object's active UV map; otherwise the engine unwraps them together.
        uv_maps: other UV maps than the active ones, by the object's name.

    Raises:
        RequestError: nothing to paint; an object without a UV map; or, for new UV maps, one whose modifiers change its
            corners.
    """
    meshes = [item for item in objects if item.type in _MESHES]
    object_arrays = [(item, _arrays(item, depsgraph, uv_maps.get(item.name), keep_uvs=keep_uvs)) for item in meshes]
    object_arrays = [(item, arrays) for item, arrays in object_arrays if len(arrays.faces)]
    if not object_arrays:
        raise RequestError("mesh", "no selected object has faces", hint="select the objects to paint")
    for item, arrays in object_arrays:
        _check(item, arrays, keep_uvs=keep_uvs)
    if not keep_uvs:
        _check_single_user([item for item, _ in object_arrays])
    return _concatenate(object_arrays)


def _check(item: bpy.types.Object, arrays: _ObjectArrays, *, keep_uvs: bool) -> None:
    # A new UV map and a first material slot are the mesh's own.
    mesh_changes = not keep_uvs or not item.material_slots
    if item.library is not None or (mesh_changes and item.data.library is not None):
        raise linked_error(item)
    if keep_uvs and arrays.uvs is None:
        raise RequestError(
            "uvs", f"{item.name!r} has no UV map", hint="choose a new UV map, or unwrap it (UV > Smart UV Project)"
        )
    if not keep_uvs and not arrays.has_own_loops:
        raise RequestError(
            "uvs",
            f"modifiers change the topology of {item.name!r}, so that no new UV map can be added",
            hint="use its own UV map, or apply the modifiers",
        )


def linked_error(item: bpy.types.Object) -> RequestError:
    """The error for an object that belongs to another file."""
    return RequestError(
        "objects", f"{item.name!r} is linked from another file", hint="make it local (Object > Relations > Make Local)"
    )


def _check_single_user(items: Sequence[bpy.types.Object]) -> None:
    seen: dict[bpy.types.ID, str] = {}
    for item in items:
        other = seen.setdefault(item.data, item.name)
        if other != item.name:
            raise RequestError(
                "uvs",
                f"{other!r} and {item.name!r} share a mesh, which can hold one new UV map only",
                hint="make it single-user (Object > Relations), or use the existing UV map",
            )


def _arrays(
    item: bpy.types.Object, depsgraph: bpy.types.Depsgraph, uv_map: str | None, *, keep_uvs: bool
) -> _ObjectArrays:
    evaluated = item.evaluated_get(depsgraph)
    mesh = evaluated.to_mesh()
    try:
        mesh.calc_loop_triangles()
        count = len(mesh.loop_triangles)
        points = _read(mesh.vertices, "co", (len(mesh.vertices), 3), np.float32)
        matrix = np.array(evaluated.matrix_world, np.float64)
        faces = _read(mesh.loop_triangles, "vertices", (count, 3), np.int32)
        loops = _read(mesh.loop_triangles, "loops", (count, 3), np.int32)
        own = item.type == "MESH" and not item.data.library and len(item.data.loops) == len(mesh.loops)
        if np.linalg.det(matrix[:3, :3]) < 0:  # a mirrored object would be seen from inside
            faces, loops = faces[:, ::-1], loops[:, ::-1]
        layer = _layer(mesh, uv_map) if keep_uvs else None
        uvs = None if layer is None else _read(layer.uv, "vector", (len(mesh.loops), 2), np.float32)[loops]
        vertices = (points @ matrix[:3, :3].T + matrix[:3, 3]).astype(np.float32)
        name = "" if layer is None else layer.name
        return _ObjectArrays(vertices, faces, loops, uvs, name, len(mesh.loops), own)
    finally:
        evaluated.to_mesh_clear()


def _layer(mesh: bpy.types.Mesh, name: str | None) -> bpy.types.MeshUVLoopLayer | None:
    layer = mesh.uv_layers.active if name is None else mesh.uv_layers.get(name)
    return layer if layer is not None and len(layer.uv) else None


def _read(items: bpy.types.bpy_prop_collection, name: str, shape: tuple[int, int], kind: type) -> np.ndarray:
    flat = np.empty(shape[0] * shape[1], kind)
    items.foreach_get(name, flat)
    return flat.reshape(shape)


def _concatenate(arrays_by_object: Sequence[tuple[bpy.types.Object, _ObjectArrays]]) -> JoinedMesh:
    parts, faces, owner = [], [], []
    triangles = points = 0
    for index, (item, arrays) in enumerate(arrays_by_object):
        count = len(arrays.faces)
        own = slice(triangles, triangles + count)
        parts.append(ObjectTriangles(item.name, own, arrays.loops, arrays.loop_count, arrays.uv_map))
        faces.append(arrays.faces + points)
        owner.append(np.full(count, index, np.uint32))
        triangles, points = triangles + count, points + len(arrays.vertices)
    uvs = [arrays.uvs for _, arrays in arrays_by_object if arrays.uvs is not None]
    mesh = Mesh(
        vertices=np.concatenate([arrays.vertices for _, arrays in arrays_by_object]),
        faces=np.concatenate(faces),
        uvs=np.concatenate(uvs) if uvs else None,
        object_id=np.concatenate(owner),
        material_id=np.concatenate(owner),
    )
    return JoinedMesh(mesh, tuple(parts))
