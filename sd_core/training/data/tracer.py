"""Casting rays into a stage of things: exact depth, normals and local positions of what is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sd_core.training.data.bodies import bounding_radius
from sd_core.training.data.noise import Plane
from sd_core.training.data.solids import MISS, Solid, sphere_span

NOTHING = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Solids placed in the world: world = rotation @ (scale * local) + position."""

    solids: tuple[Solid, ...]
    rotation: Plane
    position: Plane
    scale: float
    finish: int
    """Number of the texture that it wears."""

    def to_local(self, points: Plane) -> Plane:
        return (points - self.position) @ self.rotation / np.float32(self.scale)

    def directions_to_local(self, directions: Plane) -> Plane:
        return directions @ self.rotation / np.float32(self.scale)

    @property
    def radius(self) -> float:
        return self.scale * bounding_radius(self.solids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """What n rays meet first."""

    t: Plane
    """(n,) ray parameter, inf where nothing is met."""
    thing: NDArray[np.int16]
    """(n,) number of the thing, or `NOTHING`."""
    solid: NDArray[np.int16]
    """(n,) number of the solid within the thing."""


def _cast_solid(solid: Solid, origin: Plane, rays: Plane, limit: Plane) -> tuple[NDArray[np.intp], Plane]:
    """Rays (numbers) which meet the solid nearer than `limit` (n,), and where."""
    enter, leave = sphere_span(origin, rays, solid.centre, solid.radius)
    near = np.flatnonzero((leave > 0) & (enter < np.minimum(limit, leave)))
    if not len(near):
        return near, limit[:0]
    start = origin if origin.ndim == 1 else origin[near]
    t = solid.cast(start, rays[near])
    closer = t < limit[near]
    return near[closer], t[closer]


def cast(things: tuple[Thing, ...], origin: Plane, rays: Plane) -> Hits:
    """First hits of rays (n, 3) from one origin (3,) or from many (n, 3)."""
    count = len(rays)
    best = np.full(count, MISS, np.float32)
    which = np.full(count, NOTHING, np.int16)
    part = np.zeros(count, np.int16)
    for number, thing in enumerate(things):
        enter, leave = sphere_span(origin, rays, thing.position, thing.radius * 1.001)
        near = np.flatnonzero((leave > 0) & (enter < np.minimum(leave, best)))
        if not len(near):
            continue
        start = thing.to_local(origin if origin.ndim == 1 else origin[near]).astype(np.float32)
        local = thing.directions_to_local(rays[near])
        limit = best[near]
        for index, solid in enumerate(thing.solids):
            hit, t = _cast_solid(solid, start, local, limit)
            limit[hit] = t
            which[near[hit]], part[near[hit]] = number, index
        best[near] = limit
    return Hits(t=best, thing=which, solid=part)


def lowest_point(solids: tuple[Solid, ...], rotation: Plane) -> float:
    """Height under the origin of the lowest point of turned solids, found by rays from below."""
    reach = bounding_radius(solids)
    y, x = np.meshgrid(np.linspace(-reach, reach, 15), np.linspace(-reach, reach, 15))
    starts = np.stack([x.ravel(), y.ravel(), np.full(x.size, -2 * reach)], -1).astype(np.float32)
    thing = Thing(solids=solids, rotation=rotation, position=np.zeros(3, np.float32), scale=1.0, finish=0)
    up = np.broadcast_to(np.asarray((0, 0, 1), np.float32), starts.shape)
    met = cast((thing,), starts, up).t
    return float((met - 2 * reach).min()) if np.isfinite(met).any() else -reach
