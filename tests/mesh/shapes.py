"""Bodies that are hard to see all of: a torus, a knot, a chair of boxes that run into each other."""

import numpy as np
import trimesh

from sd_core.mesh.surface import Surface
from sd_core.mesh.unwrap import unwrap
from sd_core.requests import Mesh


def torus() -> trimesh.Trimesh:
    return trimesh.creation.torus(1.0, 0.4, major_sections=48, minor_sections=24)


def knot(sections: int = 192, sides: int = 16) -> trimesh.Trimesh:
    """A trefoil knot as a tube."""
    t = np.linspace(0, 2 * np.pi, sections, endpoint=False)
    path = np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)], axis=1)
    tangent = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent, [0, 0, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(tangent, side)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
    vertices = path[:, None] + 0.45 * (np.cos(angle) * side[:, None] + np.sin(angle) * other[:, None])
    i, j = np.mgrid[0:sections, 0:sides]
    a, b = i * sides + j, (i + 1) % sections * sides + j
    c, d = (i + 1) % sections * sides + (j + 1) % sides, i * sides + (j + 1) % sides
    faces = np.concatenate([np.stack([a, d, b], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    return trimesh.Trimesh(vertices.reshape(-1, 3), faces, process=False)


def chair() -> trimesh.Trimesh:
    """Seat, back and four legs."""
    boxes = [((1, 1, 0.12), (0, 0, 0)), ((1, 0.12, 1.1), (0, 0.44, 0.5))]
    boxes += [((0.12, 0.12, 0.9), (x, y, -0.45)) for x in (-0.42, 0.42) for y in (-0.42, 0.42)]
    parts = [trimesh.creation.box(extents, trimesh.transformations.translation_matrix(at)) for extents, at in boxes]
    return trimesh.util.concatenate(parts)


def surface_of(mesh: trimesh.Trimesh, size: int = 512) -> Surface:
    """The body with UVs from xatlas."""
    vertices, faces = np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int64)
    nothing = np.zeros(len(faces), np.int64)
    return Surface(
        vertices=vertices, faces=faces, uvs=unwrap(vertices, faces, size)[0], object_id=nothing, material_id=nothing
    )


def plain(mesh: trimesh.Trimesh) -> Mesh:
    """The body as a request holds it, without UVs."""
    return Mesh(vertices=np.asarray(mesh.vertices, np.float32), faces=np.asarray(mesh.faces, np.int32))
