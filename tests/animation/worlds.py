"""Worlds whose passes are known exactly: a wall with relief seen by a camera that pans, a box before it, and more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sd_core.passes import Camera, FramePasses, PositionSpace, motion_from_offsets
from sd_core.values import Array

FOCAL = 1.0
"""Focal length in shares of the image's width."""


def camera(x: float, y: float = 0.0, z: float = 0.0, size: int = 64) -> Camera:
    """At (x, y, z), looking along -z."""
    matrix = np.eye(4)
    matrix[:3, 3] = (x, y, z)
    focal = FOCAL * size
    return Camera(matrix, np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]]))


def grid(size: int) -> tuple[Array, Array]:
    """Pixel centres as rays: (x, y) shares of depth, y up."""
    rows, columns = np.mgrid[0:size, 0:size] + 0.5
    return (columns - size / 2) / (FOCAL * size), -(rows - size / 2) / (FOCAL * size)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle facing the camera: x in [left, right], y in [low, high], at z, moving by `speed` in x a frame."""

    left: float
    right: float
    low: float
    high: float
    z: float
    speed: float
    ident: int


WALL = -4.0
"""z of the wall."""


def frame(
    index: int, path: list[tuple[float, float, float]], boxes: tuple[Box, ...] = (), size: int = 64
) -> FramePasses:
    """Frame `index` of a camera on `path`; boxes stand before an endless wall."""
    here = path[index]
    before, after = path[max(index - 1, 0)], path[min(index + 1, len(path) - 1)]
    if index == 0:
        before = tuple(2 * np.array(here) - np.array(after))
    if index == len(path) - 1:
        after = tuple(2 * np.array(here) - np.array(before))
    ray_x, ray_y = grid(size)
    depth = np.full((size, size), here[2] - WALL)
    ident = np.full((size, size), 1, np.uint32)
    drift = np.zeros((size, size))
    for box in boxes:
        away = here[2] - box.z
        x, y = here[0] + ray_x * away - box.speed * index, here[1] + ray_y * away
        hit = (x >= box.left) & (x <= box.right) & (y >= box.low) & (y <= box.high) & (away < depth)
        depth = np.where(hit, away, depth)
        ident = np.where(hit, np.uint32(box.ident), ident).astype(np.uint32)
        drift = np.where(hit, box.speed, drift)
    world = np.stack([here[0] + ray_x * depth, here[1] + ray_y * depth, here[2] - depth], axis=-1)
    now = project(world, here, size)
    was = project(world - np.stack([drift, 0 * drift, 0 * drift], -1), before, size)
    will = project(world + np.stack([drift, 0 * drift, 0 * drift], -1), after, size)
    rest = world - np.stack([drift * index, 0 * drift, 0 * drift], -1)
    return FramePasses(
        depth=depth.astype(np.float32),
        motion=motion_from_offsets(was - now, will - now),
        object_id=ident,
        position=rest.astype(np.float32),
        position_space=PositionSpace.REST,
        camera=camera(*here, size=size),
    )


def project(world: Array, eye: tuple[float, float, float], size: int) -> Array:
    """(..., 2) px (x, y), y down."""
    away = eye[2] - world[..., 2]
    x = (world[..., 0] - eye[0]) / away * FOCAL * size + size / 2
    y = -(world[..., 1] - eye[1]) / away * FOCAL * size + size / 2
    return np.stack([x, y], axis=-1)


def pan(count: int, size: int = 64, pixels: float = 1.7) -> tuple[FramePasses, ...]:
    """Sideways by `pixels` a frame on the wall."""
    step = pixels * -WALL / (FOCAL * size)
    path = [(step * i, 0.3 * step * i, 0.0) for i in range(count)]
    return tuple(frame(index, path, size=size) for index in range(count))


def still(count: int, size: int = 64) -> tuple[FramePasses, ...]:
    """Nothing moves."""
    path = [(0.0, 0.0, 0.0)] * count
    return tuple(frame(index, path, (Box(-0.7, 0.4, -0.5, 0.8, -2.5, 0.0, 2),), size) for index in range(count))


def occluder(count: int, size: int = 64, pixels: float = 2.3) -> tuple[FramePasses, ...]:
    """A box crosses before the wall while the camera stands."""
    speed = pixels * 2.5 / (FOCAL * size)
    path = [(0.0, 0.0, 0.0)] * count
    return tuple(frame(index, path, (Box(-1.3, -0.5, -0.6, 0.7, -2.5, speed, 2),), size) for index in range(count))


def far_away(count: int, size: int = 64) -> tuple[FramePasses, ...]:
    """Another part of the wall, which no vector of an earlier frame leads to."""
    path = [(50.0 + 0.1 * i, 0.0, 1.0) for i in range(count)]
    return tuple(frame(index, path, size=size) for index in range(count))
