"""Signed distances, (n, 3) points to (n,), and their blends (formulas: Inigo Quilez, "Distance functions")."""

from __future__ import annotations

import numpy as np

from sd_core.training.data.noise import Plane
from sd_core.training.data.solids import Field, dot, vector


def _length(*parts: Plane) -> Plane:
    total = parts[0] * parts[0]
    for part in parts[1:]:
        total = total + part * part
    return np.sqrt(total)


def torus(major: float, minor: float) -> Field:
    """A ring in the xy plane."""

    def distance(p: Plane) -> Plane:
        return _length(_length(p[:, 0], p[:, 1]) - np.float32(major), p[:, 2]) - np.float32(minor)

    return Field(centre=vector(0, 0, 0), radius=(major + minor) * 1.01, distance=distance)


def _rounded_distance(radial: Plane, axial: Plane, rounding: float) -> Plane:
    """Distance to a rounded rectangle, from the two distances to its sides."""
    r = np.float32(rounding)
    a, b = radial + r, axial + r
    return np.minimum(np.maximum(a, b), 0) + _length(np.maximum(a, 0), np.maximum(b, 0)) - r


def cylinder(radius: float, half: float, rounding: float = 0.03, centre: Plane | None = None) -> Field:
    """An upright cylinder of half height `half`."""
    middle = vector(0, 0, 0) if centre is None else centre

    def distance(p: Plane) -> Plane:
        q = p - middle
        return _rounded_distance(
            _length(q[:, 0], q[:, 1]) - np.float32(radius), np.abs(q[:, 2]) - np.float32(half), rounding
        )

    return Field(centre=middle, radius=float(np.hypot(radius, half)) * 1.01, distance=distance)


def cone(low: float, high: float, half: float, rounding: float = 0.02, centre: Plane | None = None) -> Field:
    """An upright frustum with radii `low` at the bottom and `high` at the top."""
    middle = vector(0, 0, 0) if centre is None else centre
    lean = np.float32(2 * half / np.hypot(2 * half, low - high))

    def distance(p: Plane) -> Plane:
        q = p - middle
        at = np.float32((low + high) / 2) + q[:, 2] * np.float32((high - low) / (2 * half))
        side = (_length(q[:, 0], q[:, 1]) - at) * lean
        return np.maximum(side, np.abs(q[:, 2]) - np.float32(half)) - np.float32(rounding)

    bound = float(np.hypot(max(low, high), half)) + rounding
    return Field(centre=middle, radius=bound * 1.01, distance=distance)


def vessel(radius: float, half: float, wall: float, flare: float) -> Field:
    """An open cup or bowl: a hollow frustum, wider at the top by `flare`."""

    def distance(p: Plane) -> Plane:
        at = np.float32(radius) + p[:, 2] * np.float32(flare / (2 * half))
        r = _length(p[:, 0], p[:, 1]) - at
        outer = np.maximum(r, np.abs(p[:, 2]) - np.float32(half))
        inner = np.maximum(r + np.float32(wall), np.float32(wall - half) - p[:, 2])
        return (np.maximum(outer, -inner) - np.float32(0.015)) * np.float32(0.85)

    return Field(centre=vector(0, 0, 0), radius=float(np.hypot(radius + abs(flare), half)) + 0.03, distance=distance)


def rounded_box(half: Plane, rounding: float) -> Field:
    """A box with soft edges."""

    def distance(p: Plane) -> Plane:
        q = np.abs(p) - (half - np.float32(rounding))
        inside = np.minimum(np.maximum(np.maximum(q[:, 0], q[:, 1]), q[:, 2]), 0)
        q = np.maximum(q, 0)
        return np.sqrt(dot(q, q)) + inside - np.float32(rounding)

    return Field(centre=vector(0, 0, 0), radius=float(np.linalg.norm(half)), distance=distance)


def balls(centres: Plane, radii: Plane, blend: float, holes: int = 0) -> Field:
    """Balls (k, 3), (k,) melted together over `blend` units; the last `holes` of them are carved out."""
    solid = len(radii) - holes
    sharp = np.float32(4.0 / blend)

    def distance(p: Plane) -> Plane:
        squared = dot(p, p) - 2 * (centres @ p.T) + dot(centres, centres)[:, None]
        each = np.sqrt(np.maximum(squared, 1e-9)) - radii[:, None]
        body = each[:solid]
        least = body.min(0)
        body = least - np.log(np.exp((least - body) * sharp).sum(0)) / sharp
        for hole in each[solid:]:
            body = np.maximum(body, -hole)
        return body * np.float32(0.92)

    bound = float((np.linalg.norm(centres[:solid], axis=-1) + radii[:solid]).max()) + 0.45 * blend
    return Field(centre=vector(0, 0, 0), radius=bound, distance=distance)


def mirror(field: Field) -> Field:
    """`field` for x >= 0 and its mirror image for x < 0: heads and other creatures."""

    def distance(p: Plane) -> Plane:
        return field.distance(np.abs(p) * vector(1, 0, 0) + p * vector(0, 1, 1))

    return Field(centre=field.centre, radius=field.radius, distance=distance)


def wavy(radius: float, amplitude: float, directions: Plane, phases: Plane) -> Field:
    """A ball whose surface rolls in waves with the wave vectors (k, 3)."""
    steep = float(1 + amplitude * np.linalg.norm(directions, axis=-1).sum() * 0.6)

    def distance(p: Plane) -> Plane:
        waves = np.sin(directions @ p.T + phases[:, None]).sum(0)
        return (np.sqrt(dot(p, p)) - np.float32(radius) + np.float32(amplitude) * waves) / np.float32(steep)

    reach = radius + amplitude * len(phases)
    return Field(centre=vector(0, 0, 0), radius=reach, distance=distance)
