"""From a request's mesh to a surface with UVs that can hold a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sd_core.errors import RequestError
from sd_core.requests import Mesh

from .load import load_mesh
from .surface import UP_Y, UP_Z, Floats, Ints, Surface, corner_uvs, face_normals, ids_or_zeros
from .texels import Texels, find_texels
from .unwrap import unwrap

_FEWEST_TEXELS = 64


@dataclass(frozen=True, slots=True)
class Prepared:
    """A surface, its texels, where its UVs come from, and whether that is the mesh itself."""

    surface: Surface
    texels: Texels
    reason: str
    own_uvs: bool = False


def prepare(given: Mesh | str, size: int, *, working: Callable[[str], None] = lambda _: None) -> Prepared:
    """Read, check and, where there are no UVs, unwrap a mesh. Vertices and faces stay as they are.

    Args:
        given: arrays (z up, as in Blender), or the path of a file (y up).
        size: side of each texture in px.
        working: called with a sentence before what takes a while.

    Raises:
        RequestError: the mesh cannot be read, or has nothing to paint.
    """
    mesh, up = (load_mesh(given), UP_Y) if isinstance(given, str) else (given, UP_Z)
    _demand_area(mesh)
    uvs = corner_uvs(mesh)
    if uvs is not None:
        kept = _surface(mesh, uvs, ids_or_zeros(mesh.material_id, len(mesh.faces)), up)
        texels = find_texels(kept, size)
        if len(texels) >= _FEWEST_TEXELS:
            return Prepared(kept, texels, "the mesh's own", own_uvs=True)
    working(f"unwrapping {len(mesh.faces)} faces")
    made, how = unwrap(mesh.vertices, mesh.faces.astype(np.int64), size)
    surface = _surface(mesh, made, np.zeros(len(mesh.faces), np.int64), up)
    texels = find_texels(surface, size)
    if len(texels) < _FEWEST_TEXELS:
        raise RequestError("mesh", f"covers only {len(texels)} texels", hint="raise texture_size, or clean the mesh")
    why = "the mesh has no UVs" if mesh.uvs is None else "the mesh's UVs cover no texels"
    return Prepared(surface, texels, f"{how}, since {why}")


def mesh_with_uvs(prepared: Prepared) -> Mesh:
    """The mesh with its UVs; `material_id` says which texture each face shows."""
    surface = prepared.surface
    return Mesh(
        vertices=surface.vertices,
        faces=surface.faces.astype(np.int32),
        uvs=surface.uvs,
        object_id=surface.object_id.astype(np.uint32),
        material_id=np.maximum(page_of_face(prepared.texels, len(surface.faces)), 0).astype(np.uint32),
    )


def page_of_face(texels: Texels, count: int) -> Ints:
    """(count,) the texture that each face lies on; -1 for faces too small to have a texel."""
    page = np.full(count, -1, np.int64)
    page[texels.face] = texels.page
    return page


def _demand_area(mesh: Mesh) -> None:
    extent = float(np.ptp(mesh.vertices[mesh.faces.reshape(-1)], axis=0).max())
    if extent == 0 or not face_normals(mesh.vertices[mesh.faces]).any():
        raise RequestError("mesh", "has no face with an area", hint="give triangles that span a surface")


def _surface(mesh: Mesh, uvs: Floats, material_id: Ints, up: tuple[float, float, float]) -> Surface:
    faces = mesh.faces.astype(np.int64)
    owner = ids_or_zeros(mesh.object_id, len(faces))
    return Surface(vertices=mesh.vertices, faces=faces, uvs=uvs, object_id=owner, material_id=material_id, up=up)
