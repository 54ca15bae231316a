"""UVs in repeats of a tiling texture: every face is projected along the axis that it looks along most."""

from __future__ import annotations

import numpy as np

from sd_core.requests import Mesh

from .surface import Floats, face_normals

_REPEATS = 4
"""Of the texture along the longest side of an object for which no size is given."""

_SIDES = {
    2: (((0, 1), (1, 1)), ((0, -1), (1, 1))),
    0: (((1, 1), (2, 1)), ((1, -1), (2, 1))),
    1: (((0, -1), (2, 1)), ((0, 1), (2, 1))),
}
"""By axis, z up: for its positive and its negative side the (coordinate, sign) of u and v. No side is mirrored, and on walls
v is up."""


def tile_size_of(mesh: Mesh) -> float:
    """Scene units that one repeat covers where nobody says it: two digits, so that people can read and change it."""
    extent = float(np.ptp(mesh.vertices[mesh.faces.reshape(-1)], axis=0).max())
    return float(f"{max(extent, 1e-9) / _REPEATS:.2g}")


def tile_uvs(mesh: Mesh, tile_size: float, up: tuple[float, float, float]) -> Floats:
    """(t, 3, 2) UVs, in repeats of `tile_size` scene units from the origin, so that objects that touch go on in each other."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    if up[1]:  # y up: the axes as they would be with z up
        corners = corners[..., [0, 2, 1]] * (1, -1, 1)
    normals = face_normals(corners)
    axis = np.abs(normals).argmax(axis=1)
    uvs = np.empty((*corners.shape[:2], 2))
    for along, sides in _SIDES.items():
        for side, looks in zip(sides, (normals[:, along] >= 0, normals[:, along] < 0), strict=True):
            chosen = (axis == along) & looks
            for k, (coordinate, sign) in enumerate(side):
                uvs[chosen, :, k] = sign * corners[chosen][..., coordinate] / tile_size
    # Whole repeats are taken off, since 32 bits hold few places behind a large number.
    return (uvs - np.floor(uvs.min(axis=(0, 1)))).astype(np.float32)
