"""Views of one object: first those from where a shot sees it, then others for what these do not see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sd_core.passes import Camera

from .rays import Rays
from .surface import Floats, Surface
from .texels import Texels
from .views import coverage, neighbours_in_turn, plan_views

_MARGIN = 0.96
"""Share of the picture that the object fills."""

_NEAREST = 0.05
"""Radii of the object: a camera with a part of it nearer than this, or behind, is inside, and cannot be turned to see it all."""

_NOT_WORTH_IT = 0.001
"""Share of the texels that may stay unseen without a further view."""


def plan_object_views(
    surface: Surface, texels: Texels, rays: Rays, given: Sequence[Camera], max_views: int, size: tuple[int, int]
) -> list[Camera]:
    """The `given` cameras, turned and zoomed so that the object fills the picture, then automatic ones, `max_views` in all.

    Args:
        given: where a shot sees the object from; all of them are used, however many.
        size: (height, width) of the views in px.
    """
    framed = [frame_object(camera, surface, size) for camera in given]
    if not framed:
        return list(plan_views(surface, texels, rays, max_views, size).cameras)
    unseen = coverage(surface, texels, rays, framed, size) == 0
    if len(framed) >= max_views or unseen.mean() < _NOT_WORTH_IT:
        return framed
    more = plan_views(surface, texels.only(unseen), rays, max_views - len(framed), size).cameras
    return framed + neighbours_in_turn(list(more), before=framed)


def frame_object(camera: Camera, surface: Surface, size: tuple[int, int]) -> Camera:
    """A camera at the same place that looks at the whole object, as large as the picture allows; the same where it is inside."""
    points = surface.vertices[np.unique(surface.faces)].astype(np.float64)
    turned = _turned(camera, surface.centre)
    local = (points - turned[:3, 3]) @ turned[:3, :3]
    depth = -local[:, 2]
    if depth.min() < _NEAREST * surface.radius:
        return camera
    flat = np.stack([local[:, 0], -local[:, 1]], axis=-1) / depth[:, None]
    low, high = flat.min(axis=0), flat.max(axis=0)
    height, width = size
    focal = _MARGIN * float((np.array([width, height]) / np.maximum(high - low, 1e-9)).min())
    centre = np.array([width, height]) / 2 - focal * (low + high) / 2
    return Camera(turned, np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1.0]]))


def _turned(camera: Camera, centre: Floats) -> Floats:
    """Its matrix (4, 4), turned to a point, with its own up."""
    matrix = np.array(camera.matrix_world)
    back = matrix[:3, 3] - centre
    distance = float(np.linalg.norm(back))
    if distance == 0:
        return matrix
    back /= distance
    up = matrix[:3, 1] if abs(matrix[:3, 1] @ back) < 0.999 * np.linalg.norm(matrix[:3, 1]) else matrix[:3, 2]
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    return matrix
