"""Triangles with one UV per corner, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sd_core.requests import Mesh

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

UP_Z = (0.0, 0.0, 1.0)
UP_Y = (0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A mesh ready to be painted.

    vertices: (v, 3) float32; faces: (t, 3); uvs: (t, 3, 2) float32, v up; object_id, material_id: (t,).
    up: the direction that cameras take for up. centre: (3,) middle of the bounding box of what the faces use; radius: of
    the sphere about it that holds every face.
    """

    vertices: Floats
    faces: Ints
    uvs: Floats
    object_id: Ints
    material_id: Ints
    up: tuple[float, float, float] = UP_Z
    centre: Floats = field(init=False)
    radius: float = field(init=False)

    @property
    def corners(self) -> Floats:
        """(t, 3, 3) positions."""
        return self.vertices[self.faces]

    def __post_init__(self) -> None:
        used = self.vertices[np.unique(self.faces)]
        centre = (used.min(0) + used.max(0)) / 2
        object.__setattr__(self, "centre", centre)
        object.__setattr__(self, "radius", float(np.linalg.norm(used - centre, axis=1).max()))


def face_normals(corners: Floats) -> Floats:
    """(t, 3) unit normals of (t, 3, 3) corners; 0 for degenerate faces."""
    edges = corners.astype(np.float64)
    normals = np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.divide(normals, length, out=np.zeros_like(normals), where=length > 0).astype(np.float32)


def corner_uvs(mesh: Mesh) -> Floats | None:
    """(t, 3, 2) UVs of a request's mesh; None where it has none that could hold a picture."""
    if mesh.uvs is None:
        return None
    uvs = mesh.uvs if mesh.uvs.ndim == 3 else mesh.uvs[mesh.faces]
    return uvs if uv_areas(uvs).sum() > 1e-6 else None


def uv_areas(uvs: Floats) -> Floats:
    """(t,) areas in UV space."""
    first, second = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    return np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


def ids_or_zeros(ids: NDArray[np.generic] | None, count: int) -> Ints:
    """Object or material numbers, 0 where none are given."""
    return np.zeros(count, np.int64) if ids is None else ids.astype(np.int64)
