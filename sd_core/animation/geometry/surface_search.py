"""Where in a frame a surface point lies, by its position: along the surface from a guess."""

from __future__ import annotations

from itertools import product

import numpy as np

from sd_core.values import Array

from ..policy import POLICY


def follow_surface(position: Array, point: Array, at: Array, times: int = 1) -> tuple[Array, Array]:
    """Where points lie in a frame, from a guess: along the surface's slope there.

    Args:
        position: (h, w, 3), the frame's positions.
        point: (n, 3), positions that are looked for.
        at: (n, 2) int px (x, y), where to begin.
        times: steps; each but the first goes on from the pixel that was reached.

    Returns:
        (n, 2) float32 px, and (n,) scene units, by which the surface there misses the point: the tangent, or where that
        leads away or off the surface, at edges and folds, the nearest of the patches between the pixel and its neighbours.
    """
    found, missed = _step(position, point, at)
    for _ in range(times - 1):
        with np.errstate(invalid="ignore"):
            gap = np.abs(found - at).max(-1)
            again = np.nonzero((gap > 0.5) & (gap <= POLICY.tangent_limit))[0]
        at = at.copy()
        at[again] = nearest_pixel(found[again], position.shape[:2])
        found[again], missed[again] = _step(position, point[again], at[again])
    with np.errstate(invalid="ignore"):
        way = np.linalg.norm(point - position[at[:, 1], at[:, 0]], axis=-1)
        away = ~(np.abs(found - at) <= 1).all(-1)
        doubtful = np.nonzero(away | (missed > POLICY.tangent_doubt * way))[0]
    patch, left = _on_patches(position, point[doubtful], at[doubtful])
    nearer = away[doubtful] | (left < missed[doubtful])
    found[doubtful[nearer]], missed[doubtful[nearer]] = patch[nearer], left[nearer]
    return found, missed


def nearest_pixel(xy: Array, size: tuple[int, ...]) -> Array:
    """(n, 2) int: the pixel (x, y) of a picture of `size` (h, w) that is nearest to each place."""
    return np.clip(np.rint(xy), 0, (size[1] - 1, size[0] - 1)).astype(np.intp)


def _on_patches(position: Array, point: Array, at: Array) -> tuple[Array, Array]:
    """Places (n, 2) float32 on the four patches around the pixels `at` that come closest to the points, and the distances."""
    best, least = at.astype(np.float32), np.full(len(at), np.inf)
    gap = point - position[at[:, 1], at[:, 0]]
    for right, down in product((-1, 1), repeat=2):
        # beyond the border of a surface a patch has no extent
        along_x, along_y = (np.nan_to_num(_change(position, at, step)) for step in ((right, 0), (0, down)))
        x, y = _least_squares_within(along_x, along_y, gap)
        rest = gap - along_x * x[:, None] - along_y * y[:, None]
        left = np.sqrt(_dot(rest, rest))
        nearer = left < least
        best[nearer] = (at + np.stack([right * x, down * y], axis=-1))[nearer]
        least = np.where(nearer, left, least)
    return best, least


def _least_squares_within(along_x: Array, along_y: Array, offset: Array) -> tuple[Array, Array]:
    """(n,) each in [0, 1], for which `along_x * x + along_y * y` comes closest to `offset`, nearly: one coordinate at a time."""
    xx, xy, yy = _dot(along_x, along_x), _dot(along_x, along_y), _dot(along_y, along_y)
    gap_x, gap_y = _dot(along_x, offset), _dot(along_y, offset)
    x, y = np.zeros(len(offset)), np.zeros(len(offset))
    for _ in range(POLICY.patch_iterations):
        x = np.clip((gap_x - xy * y) / np.maximum(xx, 1e-30), 0, 1)
        y = np.clip((gap_y - xy * x) / np.maximum(yy, 1e-30), 0, 1)
    return x, y


def _step(position: Array, point: Array, at: Array) -> tuple[Array, Array]:
    """Places (n, 2) float32 where the tangent planes at the pixels `at` come closest to the points, and the distances left."""
    own = position[at[:, 1], at[:, 0]]
    along_x, along_y = _slope_at(position, at, (1, 0)), _slope_at(position, at, (0, 1))
    gap = point - own
    xx, xy, yy = _dot(along_x, along_x), _dot(along_x, along_y), _dot(along_y, along_y)
    x, y = _dot(along_x, gap), _dot(along_y, gap)
    with np.errstate(invalid="ignore", divide="ignore"):
        determinant = xx * yy - xy**2
        step_x, step_y = (yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant
        rest = gap - along_x * step_x[:, None] - along_y * step_y[:, None]
        left = np.sqrt(_dot(rest, rest))
    return (at + np.stack([step_x, step_y], axis=-1)).astype(np.float32), left


def _slope_at(position: Array, at: Array, step: tuple[int, int]) -> Array:
    """(n, 3) change of the position to the pixel at `step`: of both neighbours the nearer, which is seldom an edge."""
    sides = _change(position, at, step), -_change(position, at, (-step[0], -step[1]))
    lengths = [np.nan_to_num(_dot(side, side), nan=np.inf) for side in sides]
    return np.where((lengths[0] <= lengths[1])[:, None], *sides)


def _change(position: Array, at: Array, step: tuple[int, int]) -> Array:
    """(n, 3) change of the position to the pixel at `step` (x, y); nan where there is none or no surface."""
    height, width = position.shape[:2]
    column, row = at[:, 0] + step[0], at[:, 1] + step[1]
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    other = position[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return np.where(inside[:, None], other - position[at[:, 1], at[:, 0]], np.float32(np.nan))


def _dot(first: Array, second: Array) -> Array:
    """(n,) of (n, 3) each."""
    return first[:, 0] * second[:, 0] + first[:, 1] * second[:, 1] + first[:, 2] * second[:, 2]
