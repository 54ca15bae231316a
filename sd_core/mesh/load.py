"""Meshes from files, as arrays; nothing is merged, moved or retriangulated."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import trimesh
from trimesh.resolvers import FilePathResolver

from sd_core.errors import RequestError
from sd_core.files import open_regular
from sd_core.requests import Mesh

from .surface import Floats

_FORMATS = frozenset({"glb", "gltf", "obj", "off", "ply", "stl"})
"""Of those that trimesh reads: it would also unpack archives, of any size, and take drawings for meshes."""


class _FolderResolver(FilePathResolver):
    """Buffers, materials and pictures in the folder of the mesh or below: regular files only."""

    def get(self, name: str) -> bytes:
        root = Path(self.parent).resolve()
        # As in trimesh: exporters leave paths of the machine they ran on.
        names = dict.fromkeys((name.strip(), name.strip().lstrip("/"), os.path.split(name)[-1]))
        inside = [path for each in names if (path := (root / each).resolve()).is_relative_to(root)]
        if not inside:
            raise ValueError(f"it names {name!r}, which lies outside its folder")
        path = next((path for path in inside if path.exists()), None)
        if path is None:
            raise FileNotFoundError(f"it names {name!r}, which is not there")
        with open_regular(path) as stream:
            return stream.read()


def load_mesh(path: str) -> Mesh:
    """Every triangle of a file, in world space: objects are the scene's nodes, materials its materials.

    Raises:
        RequestError: no such file, a format that cannot be read, or nothing in it that can be painted.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in _FORMATS:
        raise RequestError(
            "mesh", f"{path} is of no format that is read: {kind or 'no suffix'}", hint="export it as .glb or .obj"
        )
    if not Path(path).is_file():
        raise RequestError("mesh", f"there is no file {path}", hint="check the path")
    try:
        with open_regular(Path(path)) as stream:
            scene = trimesh.load_scene(stream, file_type=kind, process=False, resolver=_FolderResolver(path))
    except Exception as error:  # trimesh's readers raise whatever they trip over
        raise RequestError("mesh", f"{path} cannot be read: {error}", hint="export it as .glb or .obj") from error
    parts = [_SceneNode(scene, str(node)) for node in scene.graph.nodes_geometry]
    parts = [part for part in parts if len(part.faces)]
    if not parts:
        raise RequestError("mesh", f"{path} holds no triangles", hint="export a mesh, with its modifiers applied")
    return _join(parts)


class _SceneNode:
    """One node of the scene."""

    def __init__(self, scene: trimesh.Scene, node: str) -> None:
        transform, name = scene.graph[node]
        geometry = scene.geometry[name]
        faces = getattr(geometry, "faces", np.empty((0, 3), np.int64))
        self.faces = np.asarray(faces, np.int64)
        self.vertices = trimesh.transform_points(geometry.vertices, transform).astype(np.float32)
        if np.linalg.det(transform[:3, :3]) < 0:
            self.faces = self.faces[:, ::-1]
        visual = getattr(geometry, "visual", None)
        self.material = str(getattr(getattr(visual, "material", None), "name", None))
        uv = getattr(visual, "uv", None)
        self.uvs: Floats | None = None if uv is None or not len(uv) else np.asarray(uv, np.float32)[self.faces]


def _join(parts: list[_SceneNode]) -> Mesh:
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    counts = [len(part.faces) for part in parts]
    names = list(dict.fromkeys(part.material for part in parts))
    uvs = [part.uvs for part in parts]
    return Mesh(
        vertices=np.concatenate([part.vertices for part in parts]),
        faces=np.concatenate([part.faces + start for part, start in zip(parts, starts[:-1], strict=True)]),
        uvs=None if any(uv is None for uv in uvs) else np.concatenate([uv for uv in uvs if uv is not None]),
        object_id=np.repeat(np.arange(len(parts)), counts).astype(np.uint32),
        material_id=np.repeat([names.index(part.material) for part in parts], counts).astype(np.uint32),
    )
