"""Solids that a ray can be cast at: ellipsoids and polytopes in closed form, others as signed distances.

Every solid lives in the space of its object; all of its points and directions are (n, 3) float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sd_core.training.data.noise import Plane

Distance: TypeAlias = Callable[[Plane], Plane]
MISS = np.float32(np.inf)


class Solid(Protocol):
    """Something with a surface and a bounding sphere."""

    @property
    def centre(self) -> Plane: ...

    @property
    def radius(self) -> float: ...

    def cast(self, origin: Plane, rays: Plane) -> Plane:
        """Ray parameters (n,) of the first hits in front of the origins, inf where there is none."""
        ...

    def normals(self, points: Plane) -> Plane:
        """Outward unit normals (n, 3) at points of the surface."""
        ...


def dot(a: Plane, b: Plane) -> Plane:
    """Inner products (n,) of vectors (n, 3) or (3,)."""
    return np.einsum("...i,...i->...", a, b)


def unit(vectors: Plane) -> Plane:
    """(..., 3) scaled to length one."""
    return vectors / np.maximum(np.sqrt(dot(vectors, vectors)), np.float32(1e-9))[..., None]


def sphere_span(origin: Plane, rays: Plane, centre: Plane, radius: float) -> tuple[Plane, Plane]:
    """Ray parameters (n,) at which rays enter and leave a sphere; entering > leaving where they miss it."""
    to = origin - centre
    a = dot(rays, rays)
    b = dot(to, rays) / a
    # measured from the point of the ray nearest to the centre, since b * b - c loses digits far away
    near = to - b[:, None] * rays
    squared = (np.float32(radius * radius) - dot(near, near)) / a
    root = np.sqrt(np.maximum(squared, 0))
    meets = squared > 0
    return np.where(meets, -b - root, MISS), np.where(meets, root - b, -MISS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipsoid:
    """An ellipsoid along the axes of its object."""

    centre: Plane
    radii: Plane

    @property
    def radius(self) -> float:
        return float(self.radii.max())

    def cast(self, origin: Plane, rays: Plane) -> Plane:
        enter, _ = sphere_span((origin - self.centre) / self.radii, rays / self.radii, np.zeros(3, np.float32), 1.0)
        return np.where(enter > 0, enter, MISS)

    def normals(self, points: Plane) -> Plane:
        return unit((points - self.centre) / self.radii**2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polytope:
    """The convex solid `planes @ (p - centre) <= offsets`; planes (k, 3) are unit normals."""

    centre: Plane
    planes: Plane
    offsets: Plane
    radius: float

    def cast(self, origin: Plane, rays: Plane) -> Plane:
        # planes first: numpy reduces the leading axis of (k, n) many times faster than the last of (n, k)
        distance = self.offsets[:, None] - self.planes @ np.atleast_2d(origin - self.centre).T
        speed = self.planes @ rays.T
        with np.errstate(divide="ignore", invalid="ignore"):
            t = distance / speed
        enter = np.where(speed < 0, t, -MISS).max(0)
        leave = np.where(speed > 0, t, MISS).min(0)
        outside = ((speed == 0) & (distance < 0)).any(0)
        return np.where((enter < leave) & (enter > 0) & ~outside, enter, MISS)

    def normals(self, points: Plane) -> Plane:
        face = (self.planes @ (points - self.centre).T - self.offsets[:, None]).argmax(0)
        return self.planes[face]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The solid where a signed distance is negative; the distance may under-, but not overestimate."""

    centre: Plane
    radius: float
    distance: Distance
    steps: int = 110

    def cast(self, origin: Plane, rays: Plane) -> Plane:
        """Sphere tracing (Hart 1996), then a Newton step along the ray."""
        speed = np.sqrt(dot(rays, rays))
        enter, leave = sphere_span(origin, rays, self.centre, self.radius)
        enter = np.maximum(enter, 0)
        result = np.full(len(rays), MISS, np.float32)
        alive = np.flatnonzero(enter < leave)
        ways = rays[alive] / speed[alive, None]
        at = (origin if origin.ndim == 1 else origin[alive]) + ways * (enter * speed)[alive, None]
        gone, room = np.zeros(len(alive), np.float32), ((leave - enter) * speed)[alive]
        tolerance = np.float32(2.5e-4 * self.radius)
        for _ in range(self.steps):
            gap = self.distance(at + gone[:, None] * ways)
            gone += gap
            close = np.abs(gap) < tolerance
            result[alive[close]] = gone[close]
            keep = np.flatnonzero(~close & (gone < room))
            if not len(keep):
                break
            if len(keep) < len(gone):
                alive, at, ways, gone, room = alive[keep], at[keep], ways[keep], gone[keep], room[keep]
        hit = np.flatnonzero(np.isfinite(result))
        ways = rays[hit] / speed[hit, None]
        start = (origin if origin.ndim == 1 else origin[hit]) + ways * (enter * speed)[hit, None]
        result[hit] = enter[hit] + self._newton(start, ways, result[hit]) / speed[hit]
        return result

    def _newton(self, start: Plane, ways: Plane, gone: Plane) -> Plane:
        """Distances (n,) along unit directions to the surface, from `gone` which are close to it."""
        step = np.float32(1e-3 * self.radius)
        for _ in range(2):
            points = start + gone[:, None] * ways
            gap = self.distance(points)
            slope = np.minimum((self.distance(points + step * ways) - gap) / step, np.float32(-0.06))
            gone = gone - np.clip(gap / slope, -10 * step, 10 * step)
        return gone

    def normals(self, points: Plane) -> Plane:
        step = np.float32(2e-3 * self.radius)
        corners = np.asarray(((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)), np.float32)
        samples = [self.distance(points + step * corner)[:, None] * corner for corner in corners]
        return unit(samples[0] + samples[1] + samples[2] + samples[3])


def vector(x: float, y: float, z: float) -> Plane:
    """A point or direction (3,) float32."""
    return np.asarray((x, y, z), np.float32)


def box(centre: Plane, half: Plane) -> Polytope:
    """A box with half sizes (3,)."""
    planes = np.vstack([np.eye(3), -np.eye(3)]).astype(np.float32)
    return Polytope(centre=centre, planes=planes, offsets=np.tile(half, 2), radius=float(np.linalg.norm(half)))


def hull(centre: Plane, normals: ArrayLike, offsets: ArrayLike, radius: float) -> Polytope:
    """A convex solid cut by planes; the caller knows a radius which holds it."""
    return Polytope(
        centre=centre,
        planes=unit(np.asarray(normals, np.float32)),
        offsets=np.asarray(offsets, np.float32),
        radius=radius,
    )
