"""Plain UVs: connected faces that look along the same axis are projected along it and packed in rows."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from .surface import Floats, Ints, Surface, face_normals
from .texels import overlapping_faces

_PLANES = ((1, 2), (2, 0), (0, 1))
"""For each axis the two coordinates that its projection keeps."""

_ROUNDS = 4


def box_projection(vertices: Floats, faces: Ints, size: int) -> Floats:
    """UVs (t, 3, 2) in [0, 1] of any triangles.

    Args:
        size: side of the texture in px; charts lie at least 2 px apart.

    A chart that comes to lie on itself, as the top of a knot does, is taken apart.
    """
    normals = face_normals(vertices[faces])
    axis = np.abs(normals).argmax(axis=1)
    side = axis * 2 + (normals[np.arange(len(faces)), axis] < 0)
    nothing = np.zeros(len(faces), np.int64)
    uvs = _project(vertices[faces], axis, _charts(faces, side), size)
    for _ in range(_ROUNDS):
        surface = Surface(vertices=vertices, faces=faces, uvs=uvs, object_id=nothing, material_id=nothing)
        on_others = overlapping_faces(surface, size)
        if not len(on_others):
            break
        side[on_others] += 6
        uvs = _project(vertices[faces], axis, _charts(faces, side), size)
    return uvs


def _project(corners: Floats, axis: Ints, chart: Ints, size: int) -> Floats:
    every = np.arange(len(corners))[:, None]
    flat = np.stack([corners[every, np.arange(3)[None], _plane(axis, k)[:, None]] for k in (0, 1)], axis=-1)
    low, extent = _boxes(flat, chart)
    place, scale = _pack(extent, size)
    return np.clip((flat - low[chart][:, None]) * scale + place[chart][:, None], 0, 1).astype(np.float32)


def _plane(axis: Ints, which: int) -> Ints:
    return np.array([plane[which] for plane in _PLANES])[axis]


def _charts(faces: Ints, side: Ints) -> Ints:
    """(t,) number of the chart of each face: joined by edges, looking the same way."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, owner = edges[order], owner[order]
    shared = (edges[1:] == edges[:-1]).all(axis=1) & (side[owner[1:]] == side[owner[:-1]])
    a, b = owner[:-1][shared], owner[1:][shared]
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(len(faces), len(faces)))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _boxes(flat: Floats, chart: Ints) -> tuple[Floats, Floats]:
    """Lower corner and extent of each chart, (c, 2)."""
    count = int(chart.max()) + 1
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    for corner in range(3):
        np.minimum.at(low, chart, flat[:, corner])
        np.maximum.at(high, chart, flat[:, corner])
    return low, high - low


def _pack(extent: Floats, size: int) -> tuple[Floats, float]:
    """Lower corners (c, 2) of the charts in the unit square and their common scale: tall ones first, row by row."""
    gap = min(2 / size, 0.25 / max(np.sqrt(len(extent)), 1))
    order = np.argsort(-extent[:, 1])
    low, high = 0.0, 1 / max(float(extent.max()), 1e-12)
    best = np.zeros_like(extent)
    for _ in range(24):
        scale = (low + high) / 2
        corners = _rows(extent[order] * scale + gap)
        if corners is None:
            high = scale
        else:
            low, best[order] = scale, corners + gap / 2
    return best, low


def _rows(boxes: Floats) -> Floats | None:
    """Lower corners of boxes, sorted by height, set in rows of width 1; None where they do not fit."""
    corners = np.empty_like(boxes)
    ends = np.cumsum(boxes[:, 0])
    first, bottom = 0, 0.0
    while first < len(boxes):
        before = ends[first - 1] if first else 0.0
        last = int(np.searchsorted(ends, before + 1.0, side="right"))
        if last == first or bottom + boxes[first, 1] > 1:
            return None
        corners[first:last, 0] = ends[first:last] - boxes[first:last, 0] - before
        corners[first:last, 1] = bottom
        bottom += boxes[first, 1]
        first = last
    return corners
