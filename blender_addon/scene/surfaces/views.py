# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras of a shot for one object: those that see it largest and from the most different sides, cut to it; no bpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

VIEW = 512
"""Side of the pictures that are painted, px."""

_MOST = 4
_SMALL = 0.35
"""Share of its largest appearance below which a frame has nothing to say about an object."""
_TURN = 0.87
"""Cosine of the least angle between two views, 30 degrees: below, the second one sees little that is new."""
_MARGIN = 1.1


@dataclass(frozen=True, slots=True)
class Look:
    """An object in a frame.

    pixels: that show it. matrix: of the camera, in the object's rest space. intrinsics: for the render. bounds: in the picture,
    (left, top, right, bottom) px. direction: (3,) from the object to the camera, of length 1.
    """

    pixels: int
    matrix: np.ndarray
    intrinsics: np.ndarray
    bounds: tuple[float, float, float, float]
    direction: np.ndarray


def chosen_views(looks: list[Look]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(matrix, intrinsics) of at most four views, the largest first; pictures of `VIEW` px."""
    if not looks:
        return []
    ordered = sorted(looks, key=lambda look: -look.pixels)
    large = [look for look in ordered if look.pixels >= _SMALL * ordered[0].pixels]
    chosen = [large[0]]
    while len(chosen) < _MOST:
        other = min(large, key=lambda look: max(float(look.direction @ held.direction) for held in chosen))
        if max(float(other.direction @ held.direction) for held in chosen) > _TURN:
            break
        chosen.append(other)
    return [(look.matrix, cut_to(look.intrinsics, look.bounds)) for look in chosen]


def cut_to(intrinsics: np.ndarray, bounds: tuple[float, float, float, float]) -> np.ndarray:
    """The intrinsics of a square picture around some bounds."""
    left, top, right, bottom = bounds
    side = max(right - left, bottom - top, 1.0) * _MARGIN
    scale = VIEW / side
    corner = ((left + right - side) / 2, (top + bottom - side) / 2)
    moved = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale], [0, 0, 1]])
    return moved @ intrinsics
