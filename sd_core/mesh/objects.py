"""A mesh taken apart into its objects, so that each can be painted by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sd_core.requests import Mesh

from .surface import Floats, Ints, ids_or_zeros


@dataclass(frozen=True, slots=True)
class ObjectPart:
    """One object: its number and name, which faces (f,) of the whole mesh are its own, and these alone as a mesh."""

    number: int
    name: str
    faces: Ints
    mesh: Mesh


def split_objects(mesh: Mesh) -> list[ObjectPart]:
    """Every object that has faces, in the order of their numbers; UVs are for each corner, vertices those in use."""
    owner = ids_or_zeros(mesh.object_id, len(mesh.faces))
    return [_part(mesh, int(number), np.flatnonzero(owner == number)) for number in np.unique(owner)]


def corners_of_uvs(mesh: Mesh) -> Floats | None:
    """(t, 3, 2) UVs as they are, whether or not a picture could lie in them."""
    if mesh.uvs is None or mesh.uvs.ndim == 3:
        return mesh.uvs
    return mesh.uvs[mesh.faces]


def _part(mesh: Mesh, number: int, faces: Ints) -> ObjectPart:
    used, corners = np.unique(mesh.faces[faces], return_inverse=True)
    uvs = corners_of_uvs(mesh)
    alone = Mesh(
        vertices=mesh.vertices[used],
        faces=corners.reshape(-1, 3).astype(np.int32),
        uvs=None if uvs is None else uvs[faces],
        material_id=None if mesh.material_id is None else mesh.material_id[faces],
    )
    return ObjectPart(number, mesh.names[number], faces, alone)
