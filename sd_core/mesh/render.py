"""What a camera sees of a surface: depth, faces, positions, and the texture as painted so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from sd_core.passes import Camera

from .rays import Rays
from .surface import Floats, Ints, Surface, face_normals

MOST_APART = 8.0
"""Neighbouring pixels whose points lie more than this many pixels apart belong to different surfaces."""


@dataclass(frozen=True, slots=True)
class RenderedView:
    """One rendered view, arrays (h, w, ...).

    depth: planar, scene units, inf for background; face: -1 for background; position; cosine between normal and view;
    uv: (h, w, 2); safe: distance in px to the nearest silhouette or jump in depth.
    """

    camera: Camera
    depth: Floats
    face: Ints
    position: Floats
    cosine: Floats
    uv: Floats
    safe: Floats

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.depth.shape[0], self.depth.shape[1]


def render(surface: Surface, rays: Rays, camera: Camera, size: tuple[int, int]) -> RenderedView:
    """Shoot one ray through the middle of every pixel.

    Args:
        size: (height, width) in px.
    """
    origin, directions = _pixel_rays(camera, size)
    flat = directions.reshape(-1, 3)
    hits = rays.first(np.broadcast_to(origin, flat.shape), flat)
    seen = hits.face >= 0
    position = np.zeros((len(flat), 3), np.float32)
    position[seen] = np.einsum("nk,nkd->nd", hits.weights[seen], surface.vertices[surface.faces[hits.face[seen]]])
    uv = np.zeros((len(flat), 2), np.float32)
    uv[seen] = np.einsum("nk,nkd->nd", hits.weights[seen], surface.uvs[hits.face[seen]])
    cosine = np.zeros(len(flat), np.float32)
    ways = flat[seen] / np.linalg.norm(flat[seen], axis=1, keepdims=True)
    cosine[seen] = np.abs(np.einsum("nd,nd->n", face_normals(surface.corners)[hits.face[seen]], ways))
    shaped = lambda a: a.reshape(*size, *a.shape[1:])  # noqa: E731
    face, position = shaped(hits.face), shaped(position)
    # The rays' z component along the camera is one, so that distances are planar depths.
    depth = shaped(hits.distance)
    safe = _distance_to_edges(face, position, depth, surface, float(camera.intrinsics[0, 0]))
    return RenderedView(camera, depth, face, position, shaped(cosine), shaped(uv), safe)


def _pixel_rays(camera: Camera, size: tuple[int, int]) -> tuple[Floats, Floats]:
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]] + 0.5
    local = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ np.linalg.inv(camera.intrinsics).T
    directions = (local * (1, -1, -1)) @ camera.matrix_world[:3, :3].T
    return camera.matrix_world[:3, 3].astype(np.float32), directions.astype(np.float32)


def _distance_to_edges(face: Ints, position: Floats, depth: Floats, surface: Surface, focal: float) -> Floats:
    """(h, w) px to the nearest pixel at the border of another surface; 0 on these and on the background."""
    owner = np.where(face >= 0, surface.object_id[face], -1)
    footprint = np.where(face >= 0, depth, 0) / focal
    edge = face < 0
    for axis in (0, 1):
        near, far = [slice(None)] * 2, [slice(None)] * 2
        near[axis], far[axis] = slice(None, -1), slice(1, None)
        a, b = tuple(near), tuple(far)
        apart = np.linalg.norm(position[a] - position[b], axis=-1) > MOST_APART * np.maximum(footprint[a], footprint[b])
        jump = (owner[a] != owner[b]) | apart
        edge[a] |= jump
        edge[b] |= jump
    if not edge.any():
        return np.full(edge.shape, 1e6, np.float32)
    return np.asarray(distance_transform_edt(~edge), np.float32)
