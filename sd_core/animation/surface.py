"""Surfaces by their positions: where in an earlier frame a point lies, exactly, however many frames have passed since."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product

import numpy as np

from sd_core.values import Array

from .births import NEVER, Births
from .view import View

_FRAMES = 32
"""Frames whose positions are held in memory."""

_OFF = 2.0
"""px by which a place may be corrected: further away lies another part of the surface."""

NEAR = 0.5
"""Pixels' width by which a surface may miss a point and still show it."""

_AROUND = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""Rows and columns from a pixel to its neighbours, the nearest first."""

_DOUBT = 0.25
"""Share of its distance from the pixel by which the tangent may miss a point before the patches around are tried."""

_ROUNDS = 4
"""Times that each coordinate on a patch is found, the other held."""


class Settler:
    """Corrects the places of birth maps; `place` opens the positions (h, w, 3) of a frame, see `View.place`."""

    def __init__(self, place: Callable[[int], Array | None]) -> None:
        self._place = lru_cache(_FRAMES)(lambda index: _single(place(index)))

    def settled(self, births: Births, here: View, still: Array) -> Births:
        """`births` with every place where the surface point was in its birth frame, by position.

        Vectors lead there only frame by frame, and on a curved surface their errors grow with every frame. What is found
        to show another surface is forgotten, where positions can tell.

        Args:
            births: of the frame `here`, as carried.
            here: its geometry.
            still: (h, w) bool, pixels whose position is the surface's own: in rest space, or of what stands still.
        """
        if here.place is None or here.width is None:
            return births
        place, lost = births.place.copy(), np.zeros(here.size, bool)
        asked = births.made & still & np.isfinite(here.place).all(-1)
        for index in np.unique(births.frame[asked]):
            there = self._place(int(index))
            if there is None:
                continue
            rows, columns = np.nonzero(asked & (births.frame == index))
            point, before = here.place[rows, columns], births.place[rows, columns]
            found, missed = followed(there, point, nearest_pixel(before, here.size), times=2)
            with np.errstate(invalid="ignore"):
                good = (missed <= NEAR * here.width[rows, columns]) & (np.abs(found - before) <= _OFF).all(-1)
            place[rows[good], columns[good]] = found[good]
            lost[rows[~good], columns[~good]] = here.rests
        return Births(
            np.where(lost, np.int32(NEVER), births.frame), place, births.firm & ~lost, np.where(lost, 0, births.beside)
        )

    def joined(self, births: Births, here: View, still: Array) -> Births:
        """`births` with pixels that have none born with a neighbour, where its birth frame shows their surface point.

        At edges and folds vectors lead astray, if only by a pixel: what was made is not lost by that.

        Args:
            births: of the frame `here`, as carried.
            here: its geometry.
            still: see `settled`.
        """
        if here.place is None or here.width is None:
            return births
        frame, place, firm, beside = (np.copy(a) for a in (births.frame, births.place, births.firm, births.beside))
        for step in _AROUND:
            rows, columns = np.nonzero((frame == NEVER) & still & np.isfinite(here.place).all(-1))
            row, column, known = _neighbours(births, here, rows, columns, step)
            for index in np.unique(births.frame[row, column][known]):
                there = self._place(int(index))
                if there is None:
                    continue
                chosen = known & (births.frame[row, column] == index)
                own, its = (rows[chosen], columns[chosen]), (row[chosen], column[chosen])
                guess = nearest_pixel(births.place[its] - step[::-1], here.size)
                found, missed = followed(there, here.place[own], guess, times=2)
                good = missed <= NEAR * here.width[own]
                at, its = (own[0][good], own[1][good]), (its[0][good], its[1][good])
                frame[at], place[at], firm[at], beside[at] = index, found[good], births.firm[its], births.beside[its]
        return Births(frame, place, firm, beside)


def _neighbours(
    births: Births, here: View, rows: Array, columns: Array, step: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """Rows and columns of the neighbours at `step` (rows, columns), clipped; and which have a birth, on the same object."""
    row = np.clip(rows + step[0], 0, here.size[0] - 1)
    column = np.clip(columns + step[1], 0, here.size[1] - 1)
    known, ids = births.made[row, column], here.passes.object_id
    return row, column, known if ids is None else known & (ids[row, column] == ids[rows, columns])


def _single(place: Array | None) -> Array | None:
    """In single precision: many frames are held."""
    return None if place is None else place.astype(np.float32)


def followed(place: Array, point: Array, at: Array, times: int = 1) -> tuple[Array, Array]:
    """Where points lie in a frame, from a guess: along the surface's slope there.

    Args:
        place: (h, w, 3), the frame's positions.
        point: (n, 3), positions that are looked for.
        at: (n, 2) int px (x, y), where to begin.
        times: steps; each but the first goes on from the pixel that was reached.

    Returns:
        (n, 2) float32 px, and (n,) scene units, by which the surface there misses the point: the tangent, or where that
        leads away or beside, at edges and folds, the nearest of the patches between the pixel and its neighbours.
    """
    found, missed = _step(place, point, at)
    for _ in range(times - 1):
        with np.errstate(invalid="ignore"):
            gap = np.abs(found - at).max(-1)
            again = np.nonzero((gap > 0.5) & (gap <= 2 * _OFF))[0]
        at = at.copy()
        at[again] = nearest_pixel(found[again], place.shape[:2])
        found[again], missed[again] = _step(place, point[again], at[again])
    with np.errstate(invalid="ignore"):
        way = np.linalg.norm(point - place[at[:, 1], at[:, 0]], axis=-1)
        away = ~(np.abs(found - at) <= 1).all(-1)
        doubtful = np.nonzero(away | (missed > _DOUBT * way))[0]
    patch, left = _on_patches(place, point[doubtful], at[doubtful])
    nearer = away[doubtful] | (left < missed[doubtful])
    found[doubtful[nearer]], missed[doubtful[nearer]] = patch[nearer], left[nearer]
    return found, missed


def nearest_pixel(places: Array, size: tuple[int, ...]) -> Array:
    """(n, 2) int: the pixel (x, y) of a picture of `size` (h, w) that is nearest to each place."""
    return np.clip(np.rint(places), 0, (size[1] - 1, size[0] - 1)).astype(np.intp)


def _on_patches(place: Array, point: Array, at: Array) -> tuple[Array, Array]:
    """Places (n, 2) float32 on the four patches around the pixels `at` that come closest to the points, and the distances."""
    best, least = at.astype(np.float32), np.full(len(at), np.inf)
    gap = point - place[at[:, 1], at[:, 0]]
    for right, down in product((-1, 1), repeat=2):
        along_x, along_y = _side(place, at, (right, 0)), _side(place, at, (0, down))
        x, y = _least_squares_within(along_x, along_y, gap)
        rest = gap - along_x * x[:, None] - along_y * y[:, None]
        left = np.sqrt(_dot(rest, rest))
        nearer = left < least
        best[nearer] = (at + np.stack([right * x, down * y], axis=-1))[nearer]
        least = np.where(nearer, left, least)
    return best, least


def _least_squares_within(along_x: Array, along_y: Array, gap: Array) -> tuple[Array, Array]:
    """(n,) each in [0, 1], for which `along_x * x + along_y * y` comes closest to `gap`, nearly: one coordinate at a time."""
    xx, xy, yy = _dot(along_x, along_x), _dot(along_x, along_y), _dot(along_y, along_y)
    gap_x, gap_y = _dot(along_x, gap), _dot(along_y, gap)
    x, y = np.zeros(len(gap)), np.zeros(len(gap))
    for _ in range(_ROUNDS):
        x = np.clip((gap_x - xy * y) / np.maximum(xx, 1e-30), 0, 1)
        y = np.clip((gap_y - xy * x) / np.maximum(yy, 1e-30), 0, 1)
    return x, y


def _side(place: Array, at: Array, step: tuple[int, int]) -> Array:
    """(n, 3) change of the position to the pixel at `step`; 0 where there is none or no surface."""
    height, width = place.shape[:2]
    column, row = at[:, 0] + step[0], at[:, 1] + step[1]
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    other = place[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return np.where(inside[:, None], np.nan_to_num(other - place[at[:, 1], at[:, 0]]), 0)


def _step(place: Array, point: Array, at: Array) -> tuple[Array, Array]:
    """Places (n, 2) float32 where the tangent planes at the pixels `at` come closest to the points, and the distances left."""
    own = place[at[:, 1], at[:, 0]]
    along_x, along_y = _slope_at(place, own, at, (1, 0)), _slope_at(place, own, at, (0, 1))
    gap = point - own
    xx, xy, yy = _dot(along_x, along_x), _dot(along_x, along_y), _dot(along_y, along_y)
    x, y = _dot(along_x, gap), _dot(along_y, gap)
    with np.errstate(invalid="ignore", divide="ignore"):
        determinant = xx * yy - xy**2
        step_x, step_y = (yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant
        rest = gap - along_x * step_x[:, None] - along_y * step_y[:, None]
        left = np.sqrt(_dot(rest, rest))
    return (at + np.stack([step_x, step_y], axis=-1)).astype(np.float32), left


def _slope_at(place: Array, own: Array, at: Array, step: tuple[int, int]) -> Array:
    """(n, 3) change of the position to the pixel at `step`: of both neighbours the nearer, which is seldom an edge."""
    height, width = place.shape[:2]
    sides = []
    for sign in (1, -1):
        column, row = at[:, 0] + sign * step[0], at[:, 1] + sign * step[1]
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        other = place[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        sides.append(np.where(inside[:, None], sign * (other - own), np.nan))
    lengths = [np.nan_to_num(_dot(side, side), nan=np.inf) for side in sides]
    return np.where((lengths[0] <= lengths[1])[:, None], *sides)


def _dot(one: Array, other: Array) -> Array:
    """(n,) of (n, 3) each."""
    return one[:, 0] * other[:, 0] + one[:, 1] * other[:, 1] + one[:, 2] * other[:, 2]
