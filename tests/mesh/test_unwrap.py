"""Any triangles get UVs that do not overlap, whatever the unwrapping library makes of them."""

import numpy as np
import pytest
import trimesh

from sd_core.mesh.box_projection import box_projection
from sd_core.mesh.surface import Surface
from sd_core.mesh.texels import find_texels
from sd_core.mesh.unwrap import unwrap
from tests.mesh import shapes


def parts(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int64)


def overlap(vertices: np.ndarray, faces: np.ndarray, uvs: np.ndarray, size: int = 512) -> float:
    """Share of the texture's area that faces claim beyond what they cover."""
    nothing = np.zeros(len(faces), np.int64)
    surface = Surface(vertices=vertices, faces=faces, uvs=uvs, object_id=nothing, material_id=nothing)
    claimed = np.abs(np.cross(uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0])).sum() / 2
    return float(claimed / (len(find_texels(surface, size)) / size**2) - 1)


@pytest.mark.parametrize("name", ["torus", "knot", "chair"])
@pytest.mark.parametrize("projected", [False, True])
def test_charts_lie_inside_the_texture_and_do_not_overlap(name: str, *, projected: bool) -> None:
    vertices, faces = parts(getattr(shapes, name)())
    uvs = box_projection(vertices, faces, 512) if projected else unwrap(vertices, faces, 512)[0]
    assert uvs.shape == (len(faces), 3, 2) and uvs.min() >= 0 and uvs.max() <= 1
    assert overlap(vertices, faces, uvs) < 0.03


def test_box_projection_keeps_proportions() -> None:
    vertices, faces = parts(trimesh.creation.box((1, 2, 3)))
    uvs = box_projection(vertices, faces, 256)
    longest = lambda points: np.linalg.norm(points[:, [1, 2, 0]] - points, axis=2).max(axis=1)  # noqa: E731
    scale = longest(uvs) / longest(vertices[faces])
    assert np.ptp(scale) < 1e-5


@pytest.mark.slow
def test_a_sphere_that_takes_xatlas_down_leaves_this_process_alive() -> None:
    vertices, faces = parts(trimesh.creation.icosphere(6))
    uvs, how = unwrap(vertices, faces, 1024)
    assert uvs.shape == (81920, 3, 2) and np.isfinite(uvs).all()
    assert how != "xatlas"
    assert overlap(vertices, faces, uvs, 1024) < 0.05


def test_a_mesh_that_xatlas_cannot_take_is_projected() -> None:
    vertices = np.zeros((3, 3), np.float32)
    vertices[1:, 0] = np.nan
    uvs, how = unwrap(vertices, np.array([[0, 1, 2]]), 64)
    assert "box projection" in how and uvs.shape == (1, 3, 2)


@pytest.mark.slow
def test_half_a_million_faces_are_projected_in_seconds() -> None:
    sphere = trimesh.creation.uv_sphere(count=[500, 500])
    vertices, faces = parts(sphere)
    assert len(faces) > 490_000
    uvs, how = unwrap(vertices, faces, 1024)
    assert "box projection" in how and overlap(vertices, faces, uvs, 1024) < 0.1
