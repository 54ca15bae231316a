"""Bodies: solids put together as the objects that captions name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from sd_core.training.data import distances
from sd_core.training.data.noise import Plane
from sd_core.training.data.solids import Ellipsoid, Solid, box, hull, vector

Build: TypeAlias = Callable[[np.random.Generator], Sequence[Solid]]


class Shape(StrEnum):
    """Names of the objects that captions tell apart."""

    SPHERE = "sphere"
    BOX = "box"
    TORUS = "torus"
    CYLINDER = "cylinder"
    CONE = "cone"
    PYRAMID = "pyramid"
    EGG = "egg"
    BLOB = "blob"
    HEAD = "head"
    ROCK = "rock"
    BOWL = "bowl"
    TABLE = "table"
    CHAIR = "chair"
    HOUSE = "house"
    TOWER = "tower"
    ARCH = "arch"
    STAIRS = "stairs"
    TREE = "tree"
    SNOWMAN = "snowman"
    CROSS = "cross"
    LANDSCAPE = "landscape"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Solids around the origin, about one unit in radius."""

    shape: Shape
    solids: tuple[Solid, ...]


def _sphere(rng: np.random.Generator) -> list[Solid]:
    return [Ellipsoid(centre=vector(0, 0, 0), radii=vector(1, 1, 1))]


def _egg(rng: np.random.Generator) -> list[Solid]:
    return [Ellipsoid(centre=vector(0, 0, 0), radii=rng.uniform(0.5, 1.05, 3).astype(np.float32))]


def _box(rng: np.random.Generator) -> list[Solid]:
    half = rng.uniform(0.4, 0.9, 3).astype(np.float32)
    if rng.random() < 0.5:
        half[:] = 0.72
    if rng.random() < 0.35:
        return [distances.rounded_box(half, float(rng.uniform(0.08, 0.25)))]
    return [box(vector(0, 0, 0), half)]


def _torus(rng: np.random.Generator) -> list[Solid]:
    minor = float(rng.uniform(0.16, 0.36))
    return [distances.torus(1.02 - minor, minor)]


def _cylinder(rng: np.random.Generator) -> list[Solid]:
    return [distances.cylinder(float(rng.uniform(0.3, 0.75)), float(rng.uniform(0.3, 0.95)))]


def _cone(rng: np.random.Generator) -> list[Solid]:
    return [distances.cone(float(rng.uniform(0.5, 0.85)), 0.01, float(rng.uniform(0.6, 0.9)))]


def _gable(centre: Plane, half: Plane, height: float) -> Solid:
    """A roof prism whose ridge runs along y; it stands on z = 0 of `centre`."""
    slope = np.hypot(height, half[0])
    normals = [(height, 0, half[0]), (-height, 0, half[0]), (0, 1, 0), (0, -1, 0), (0, 0, -1)]
    eave = height * half[0] / slope
    return hull(centre, normals, (eave, eave, half[1], half[1], 0), float(np.linalg.norm((*half[:2], height))))


def _pyramid(rng: np.random.Generator) -> list[Solid]:
    half, height = float(rng.uniform(0.7, 0.95)), float(rng.uniform(0.9, 1.6))
    slope = height * half / np.hypot(height, half)
    normals = [(height, 0, half), (-height, 0, half), (0, height, half), (0, -height, half), (0, 0, -1)]
    return [hull(vector(0, 0, -height / 2), normals, (slope,) * 4 + (0,), float(np.hypot(height, half * 1.5)))]


def _rock(rng: np.random.Generator) -> list[Solid]:
    count = int(rng.integers(10, 22))
    normals = rng.normal(size=(count, 3))
    normals = np.vstack([normals, np.eye(3), -np.eye(3)])
    return [hull(vector(0, 0, 0), normals, rng.uniform(0.55, 0.9, len(normals)), 1.6)]


def _blob(rng: np.random.Generator) -> list[Solid]:
    if rng.random() < 0.35:
        count = int(rng.integers(3, 6))
        waves = rng.normal(size=(count, 3)).astype(np.float32)
        waves *= rng.uniform(3, 6) / np.linalg.norm(waves, axis=-1, keepdims=True)
        phases = rng.uniform(0, 6.28, count).astype(np.float32)
        return [distances.wavy(0.8, float(rng.uniform(0.25, 0.45)) / count, waves, phases)]
    count = int(rng.integers(4, 9))
    centres = rng.normal(size=(count, 3)).astype(np.float32) * np.float32(0.42)
    holes = int(rng.integers(0, 3))
    radii = rng.uniform(0.25, 0.5, count + holes).astype(np.float32)
    bites = rng.normal(size=(holes, 3)).astype(np.float32) * np.float32(0.6)
    return [distances.balls(np.vstack([centres, bites]), radii, float(rng.uniform(0.1, 0.3)), holes)]


def _head(rng: np.random.Generator) -> list[Solid]:
    """A creature's head: skull, muzzle, cheeks and brow melted together, thin ears, eyes in carved sockets."""
    u = rng.uniform
    socket = (u(0.2, 0.28), -u(0.5, 0.6), u(0.14, 0.28))
    parts = [
        (0.0, 0.08, 0.16, u(0.58, 0.68)),
        (u(0.0, 0.12), -u(0.36, 0.52), -u(0.26, 0.4), u(0.26, 0.36)),
        (0.22, -0.42, 0.44, u(0.12, 0.2)),
        (u(0.2, 0.34), -0.18, -u(0.1, 0.3), u(0.28, 0.36)),
        (*socket, u(0.15, 0.2)),
    ]
    table = np.asarray(parts, np.float32)
    skull = distances.mirror(distances.balls(table[:, :3].copy(), table[:, 3].copy(), float(u(0.1, 0.18)), holes=1))
    eye, ear = float(u(0.1, 0.14)), rng.uniform((0.2, 0.05, 0.2), (0.34, 0.12, 0.4)).astype(np.float32)
    side = vector(u(0.72, 0.88), u(0.05, 0.2), u(0.1, 0.5))
    flip = vector(-1, 1, 1)
    ears = [Ellipsoid(centre=side * way, radii=ear) for way in (vector(1, 1, 1), flip)]
    at = vector(socket[0], socket[1] + 0.1, socket[2])
    eyes = [Ellipsoid(centre=at * way, radii=vector(eye, eye, eye)) for way in (vector(1, 1, 1), flip)]
    return [skull, *eyes, *ears]


def _bowl(rng: np.random.Generator) -> list[Solid]:
    return [
        distances.vessel(
            float(rng.uniform(0.45, 0.7)),
            float(rng.uniform(0.3, 0.7)),
            float(rng.uniform(0.07, 0.13)),
            float(rng.uniform(0, 0.4)),
        )
    ]


def _legs(half: Plane, thick: float, low: float, high: float, round_legs: bool) -> list[Solid]:
    middle, tall = (low + high) / 2, (high - low) / 2
    at = [(sx * (half[0] - thick), sy * (half[1] - thick)) for sx in (1, -1) for sy in (1, -1)]
    if round_legs:
        return [distances.cylinder(thick, tall, 0.01, vector(x, y, middle)) for x, y in at]
    return [box(vector(x, y, middle), vector(thick, thick, tall)) for x, y in at]


def _table(rng: np.random.Generator) -> list[Solid]:
    half = vector(rng.uniform(0.65, 1.0), rng.uniform(0.45, 0.8), rng.uniform(0.04, 0.1))
    top = float(rng.uniform(0.35, 0.6))
    if rng.random() < 0.25:
        plate = distances.cylinder(float(half[0]), float(half[2]), 0.02, vector(0, 0, top))
        return [
            plate,
            distances.cylinder(0.1, (top + 0.6) / 2, 0.01, vector(0, 0, (top - 0.6) / 2)),
            distances.cylinder(0.4, 0.05, 0.02, vector(0, 0, -0.6)),
        ]
    legs = _legs(half, float(rng.uniform(0.05, 0.11)), -0.65, top, bool(rng.random() < 0.3))
    return [box(vector(0, 0, top), half), *legs]


def _chair(rng: np.random.Generator) -> list[Solid]:
    wide, seat = float(rng.uniform(0.42, 0.55)), float(rng.uniform(-0.15, 0.05))
    half = vector(wide, wide, 0.06)
    back = float(rng.uniform(0.35, 0.5))
    parts: list[Solid] = [box(vector(0, 0, seat), half), *_legs(half, 0.06, -0.85, seat, False)]
    if rng.random() < 0.5:
        return [*parts, box(vector(0, wide - 0.06, seat + back), vector(wide, 0.06, back))]
    posts = [box(vector(s * (wide - 0.06), wide - 0.06, seat + back), vector(0.06, 0.06, back)) for s in (1, -1)]
    rails = [box(vector(0, wide - 0.06, seat + back * k), vector(wide, 0.045, 0.09)) for k in (1.0, 1.75)]
    return [*parts, *posts, *rails]


def _house(rng: np.random.Generator) -> list[Solid]:
    half = vector(rng.uniform(0.5, 0.75), rng.uniform(0.55, 0.9), rng.uniform(0.35, 0.55))
    eave = half * np.float32(1.12)
    roof = _gable(vector(0, 0, 2 * half[2] - 0.75), eave, float(rng.uniform(0.4, 0.7)))
    parts: list[Solid] = [box(vector(0, 0, half[2] - 0.75), half), roof]
    if rng.random() < 0.5:
        parts.append(box(vector(0.35 * half[0], 0.3, 2 * half[2] - 0.35), vector(0.1, 0.1, 0.45)))
    return parts


def _tower(rng: np.random.Generator) -> list[Solid]:
    wide = float(rng.uniform(0.25, 0.38))
    if rng.random() < 0.5:
        roof = distances.cone(wide * 1.4, 0.01, 0.3, 0.01, vector(0, 0, 0.8))
        return [distances.cylinder(wide, 0.75, 0.02, vector(0, 0, -0.25)), roof]
    top = wide * 1.25
    parts: list[Solid] = [
        box(vector(0, 0, -0.25), vector(wide, wide, 0.75)),
        box(vector(0, 0, 0.58), vector(top, top, 0.12)),
    ]
    tooth = top * 0.28
    for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        parts.append(box(vector(x * (top - tooth), y * (top - tooth), 0.8), vector(tooth, tooth, 0.12)))
    return parts


def _arch(rng: np.random.Generator) -> list[Solid]:
    wide, thick = float(rng.uniform(0.6, 0.95)), float(rng.uniform(0.13, 0.24))
    posts = [box(vector(s * (wide - thick), 0, -0.1), vector(thick, thick, 0.75)) for s in (1, -1)]
    return [*posts, box(vector(0, 0, 0.75), vector(wide * 1.05, thick * 1.15, thick * 0.8))]


def _stairs(rng: np.random.Generator) -> list[Solid]:
    count = int(rng.integers(3, 6))
    deep, tall, wide = 0.8 / count, 0.65 / count, float(rng.uniform(0.4, 0.8))
    return [
        box(vector(0, -0.8 + deep * (2 * i + 1), -0.65 + tall * (i + 1)), vector(wide, deep, tall * (i + 1)))
        for i in range(count)
    ]


def _tree(rng: np.random.Generator) -> list[Solid]:
    trunk = distances.cylinder(float(rng.uniform(0.08, 0.14)), 0.45, 0.01, vector(0, 0, -0.55))
    if rng.random() < 0.5:
        crowns = [distances.cone(0.62 - 0.15 * i, 0.02, 0.36, 0.01, vector(0, 0, 0.02 + 0.36 * i)) for i in range(3)]
        return [trunk, *crowns]
    count = int(rng.integers(5, 9))
    centres = (rng.normal(size=(count, 3)) * 0.26 + (0, 0, 0.35)).astype(np.float32)
    return [trunk, distances.balls(centres, rng.uniform(0.2, 0.36, count).astype(np.float32), 0.08)]


def _snowman(rng: np.random.Generator) -> list[Solid]:
    radii = [0.5, 0.36, 0.25]
    heights = [-0.5, 0.18, 0.66]
    return [Ellipsoid(centre=vector(0, 0, z), radii=vector(r, r, r)) for r, z in zip(radii, heights, strict=True)]


def _cross(rng: np.random.Generator) -> list[Solid]:
    thick = float(rng.uniform(0.13, 0.26))
    bars = [vector(0.95, thick, thick), vector(thick, 0.95, thick), vector(thick, thick, 0.95)]
    return [box(vector(0, 0, 0), half) for half in bars[: int(rng.integers(2, 4))]]


_BUILDERS: dict[Shape, Build] = {
    Shape.SPHERE: _sphere,
    Shape.BOX: _box,
    Shape.TORUS: _torus,
    Shape.CYLINDER: _cylinder,
    Shape.CONE: _cone,
    Shape.PYRAMID: _pyramid,
    Shape.EGG: _egg,
    Shape.BLOB: _blob,
    Shape.HEAD: _head,
    Shape.ROCK: _rock,
    Shape.BOWL: _bowl,
    Shape.TABLE: _table,
    Shape.CHAIR: _chair,
    Shape.HOUSE: _house,
    Shape.TOWER: _tower,
    Shape.ARCH: _arch,
    Shape.STAIRS: _stairs,
    Shape.TREE: _tree,
    Shape.SNOWMAN: _snowman,
    Shape.CROSS: _cross,
}

BODIES: tuple[Shape, ...] = tuple(_BUILDERS)
UPRIGHT = frozenset(
    {
        Shape.TABLE,
        Shape.CHAIR,
        Shape.HOUSE,
        Shape.TOWER,
        Shape.ARCH,
        Shape.STAIRS,
        Shape.TREE,
        Shape.SNOWMAN,
        Shape.BOWL,
        Shape.PYRAMID,
        Shape.HEAD,
    }
)
"""Bodies which stand; the others may lie in any way."""


def make_body(shape: Shape, rng: np.random.Generator) -> Body:
    """A random body of the named shape."""
    return Body(shape=shape, solids=tuple(_BUILDERS[shape](rng)))


def bounding_radius(solids: Sequence[Solid]) -> float:
    """Radius around the origin which holds all of the solids."""
    return max(float(np.linalg.norm(solid.centre)) + solid.radius for solid in solids)
