"""A stage: everything that one picture of a scene shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sd_core.training.data.camera import NEAR, Camera
from sd_core.training.data.finish import Finish
from sd_core.training.data.noise import Plane
from sd_core.training.data.solids import MISS
from sd_core.training.data.terrain import Terrain
from sd_core.training.data.tracer import NOTHING, Hits, Thing, cast

GROUND = -2  # number of the floor or landscape among the things
FAR = 60.0  # scene units: the floor ends here


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """A soft sun and a sky."""

    direction: Plane
    """(3,) unit vector towards the sun."""
    sun: float
    sky: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Things on a floor, a landscape, or nothing, before a backdrop."""

    camera: Camera
    things: tuple[Thing, ...]
    finishes: tuple[Finish, ...]
    light: Light
    backdrop: NDArray[np.floating[Any]]
    """(2, 3) colours of the background at its top and bottom."""
    floor: int | None
    """Number of the finish of the plane z = 0, or None."""
    terrain: Terrain | None
    haze: float
    """How fast distance fades into the backdrop, per scene unit."""


def first_hits(scene: Scene, origin: Plane, rays: Plane) -> Hits:
    """First hits (n,) of rays from the camera; `thing` is `GROUND` where the floor or landscape is met."""
    hits = cast(scene.things, origin, rays)
    ground = _ground(scene, origin, rays)
    if ground is None:
        return hits
    nearer = ground < hits.t
    return Hits(
        t=np.where(nearer, ground, hits.t),
        thing=np.where(nearer, GROUND, hits.thing).astype(np.int16),
        solid=hits.solid,
    )


def _ground(scene: Scene, origin: Plane, rays: Plane) -> Plane | None:
    if scene.terrain is not None:
        return scene.terrain.cast(origin, rays, FAR / 2)
    if scene.floor is None:
        return None
    with np.errstate(divide="ignore"):
        t = -origin[2] / rays[:, 2]
    return np.where((t > NEAR) & (t < FAR), t, MISS).astype(np.float32)


def normals_at(scene: Scene, hits: Hits, points: Plane) -> Plane:
    """World unit normals (n, 3) of hits at world points (n, 3); zero where nothing was met."""
    normals = np.zeros_like(points)
    ground = hits.thing == GROUND
    if ground.any():
        normals[ground] = (0, 0, 1) if scene.terrain is None else scene.terrain.normals(points[ground])
    for number, thing in enumerate(scene.things):
        for index, solid in enumerate(thing.solids):
            at = np.flatnonzero((hits.thing == number) & (hits.solid == index))
            if len(at):
                local = solid.normals(thing.to_local(points[at]).astype(np.float32))
                normals[at] = local @ thing.rotation.T
    return normals


def depth_of(hits: Hits) -> Plane:
    """Planar depth (n,), inf where nothing was met."""
    return np.where(hits.thing == NOTHING, MISS, hits.t).astype(np.float32)
