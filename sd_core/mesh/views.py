"""Where to look from: few cameras that between them see every texel that can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sd_core.passes import Camera, project

from .rays import Rays
from .surface import Floats, Surface
from .texels import Texels

FLATTEST = np.cos(np.radians(75))
"""A texel seen at a flatter angle than 75 degrees does not count as seen."""

_CANDIDATES = 200
_SAMPLED = 16_000
_DISTANCE = 6.0
"""From the centre, in radii: near enough for some perspective, far enough to look into hollows."""

_ENOUGH, _WORTH_A_VIEW = 0.9999, 0.03
"""Once all but a ten-thousandth is seen, a further view must raise the mean cosine by this much."""

_ROUNDS = 4
_ANGLE_COUNTS = 0.02
"""What a better angle on texels already seen is worth, against texels newly seen."""


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """Cameras, and how much of what the candidates can reach they see (of the sampled texels)."""

    cameras: tuple[Camera, ...]
    coverage: float
    reachable: float


def plan_views(surface: Surface, texels: Texels, rays: Rays, max_views: int, size: tuple[int, int]) -> ViewPlan:
    """Choose cameras greedily: each adds the most texels, and better angles on those seen before.

    Args:
        max_views: at most as many; fewer where everything is seen.
        size: (height, width) of the views in px.
    """
    chosen = np.random.default_rng(0).permutation(len(texels))[:_SAMPLED]
    positions, normals = texels.positions(surface)[chosen], texels.normals(surface)[chosen]
    cameras = [look_from(d, surface, size) for d in fibonacci_directions(_CANDIDATES)]
    cosines = np.stack([seen_cosines(positions, normals, camera, surface, rays, size) for camera in cameras])
    reachable = np.asarray((cosines > 0).any(axis=0))
    picked: list[int] = []
    while len(picked) < max_views:
        addition = _best_addition(cosines, picked)
        if picked and _gain(cosines, picked, addition) < _WORTH_A_VIEW and _share(cosines, picked, reachable) > _ENOUGH:
            break
        picked.append(addition)
    picked = _improve(cosines, picked)
    ordered = _neighbours_in_turn([cameras[i] for i in picked])
    return ViewPlan(tuple(ordered), _share(cosines, picked, reachable), float(reachable.mean()))


def _neighbours_in_turn(cameras: list[Camera]) -> list[Camera]:
    """The same cameras, each next to one before it: a view that sees much of what is painted continues it."""
    ordered, left = cameras[:1], cameras[1:]
    while left:
        facing = [max(float(c.matrix_world[:3, 2] @ o.matrix_world[:3, 2]) for o in ordered) for c in left]
        ordered.append(left.pop(int(np.argmax(facing))))
    return ordered


def _best_addition(cosines: Floats, picked: list[int]) -> int:
    """The candidate that adds most to those `picked`."""
    best = _best_cosines(cosines, picked)
    new = ((cosines > 0) & (best == 0)).sum(axis=1)
    return int(np.argmax(new + _ANGLE_COUNTS * np.maximum(cosines - best, 0).sum(axis=1)))


def _improve(cosines: Floats, picked: list[int]) -> list[int]:
    """Each view in turn replaced by the best for its place, now that the others are known, until nothing changes."""
    for _ in range(_ROUNDS):
        before = list(picked)
        for slot in range(len(picked)):
            picked[slot] = _best_addition(cosines, picked[:slot] + picked[slot + 1 :])
        if picked == before:
            break
    return picked


def _best_cosines(cosines: Floats, picked: list[int]) -> Floats:
    return cosines[picked].max(axis=0) if picked else np.zeros(cosines.shape[1], np.float32)


def _gain(cosines: Floats, picked: list[int], addition: int) -> float:
    """By how much `addition` raises the mean of the best cosines."""
    return float(np.maximum(cosines[addition] - _best_cosines(cosines, picked), 0).mean())


def _share(cosines: Floats, picked: list[int], reachable: np.ndarray) -> float:
    return float((_best_cosines(cosines, picked) > 0).sum() / max(reachable.sum(), 1))


def coverage(
    surface: Surface, texels: Texels, rays: Rays, cameras: Sequence[Camera], size: tuple[int, int]
) -> np.ndarray:
    """(n,) best cosine at which each texel is seen from any of `cameras`; 0 for those not seen."""
    positions, normals = texels.positions(surface), texels.normals(surface)
    best = np.zeros(len(texels), np.float32)
    for camera in cameras:
        np.maximum(best, seen_cosines(positions, normals, camera, surface, rays, size), out=best)
    return best


def seen_cosines(
    positions: Floats, normals: Floats, camera: Camera, surface: Surface, rays: Rays, size: tuple[int, int]
) -> Floats:
    """(n,) cosine between normal and view of each point that `camera` sees at less than 75 degrees, 0 for the others.

    Both sides of a face count: the back of a closed body is hidden by its front anyway.
    """
    towards = (camera.matrix_world[:3, 3] - positions).astype(np.float32)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    signed = np.einsum("nd,nd->n", normals, towards)
    pixels, depth = project(positions, camera)
    height, width = size
    inside = (depth > 0) & (pixels >= 0).all(axis=1) & (pixels[:, 0] <= width) & (pixels[:, 1] <= height)
    cosines = np.where(inside & (np.abs(signed) > FLATTEST), np.abs(signed), 0).astype(np.float32)
    asked = np.flatnonzero(cosines)
    lifted = positions[asked] + normals[asked] * np.sign(signed[asked])[:, None] * np.float32(surface.radius * 1e-4)
    ways = camera.matrix_world[:3, 3].astype(np.float32) - lifted
    cosines[asked[rays.is_blocked(lifted, ways)]] = 0
    return cosines


def look_from(direction: Floats, surface: Surface, size: tuple[int, int]) -> Camera:
    """A camera that sees the whole surface from `direction` (3,), as large as the picture allows."""
    radius = max(surface.radius, 1e-9)
    distance = _DISTANCE * radius
    back = direction / np.linalg.norm(direction)
    up = np.asarray(surface.up)
    # Straight above there is no up: any direction along the ground will do.
    right = np.cross(up if abs(back @ up) < 0.999 else np.roll(up, 1), back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    matrix[:3, 3] = surface.centre + back * distance
    height, width = size
    focal = 0.5 * 0.96 * min(size) * np.sqrt(distance**2 - radius**2) / radius
    return Camera(matrix, np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]]))


def fibonacci_directions(count: int) -> Floats:
    """(count, 3) directions spread evenly over the sphere (Gonzalez 2010, arXiv:0912.4540)."""
    i = np.arange(count) + 0.5
    z = 1 - 2 * i / count
    angle = np.pi * (1 + np.sqrt(5)) * i
    ring = np.sqrt(1 - z**2)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=1)
