"""Cells: periodic Voronoi diagrams and lattices of bricks, tiles and hexagons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from sd_core.training.data.noise import Plane

BLOCK = 4  # px
CANDIDATES = 9  # points that may own a pixel of a block


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A partition of the picture.

    `edge`: (h, w) px to the border of the cell; `index`: (h, w) number of the cell; `count`: how many there are;
    `x`, `y`: (h, w) px from the centre of the cell.
    """

    edge: Plane
    index: NDArray[np.intp]
    count: int
    x: Plane
    y: Plane

    def per_cell(self, values: Plane) -> Plane:
        """Spreads one value for each cell, (count,), over the picture."""
        return values[self.index].astype(np.float32)


@lru_cache(maxsize=32)
def pixel_grid(height: int, width: int) -> tuple[Plane, Plane]:
    """Pixel centres: y (h, 1) and x (1, w)."""
    return np.arange(height, dtype=np.float32)[:, None] + 0.5, np.arange(width, dtype=np.float32)[None, :] + 0.5


def _wrap(delta: Plane, period: float | NDArray[np.generic]) -> Plane:
    size = np.asarray(period, np.float32)
    return delta - size * np.round(delta / size)


def lattice_counts(shape: tuple[int, int], size_y: float, size_x: float, *, even_rows: bool = False) -> tuple[int, int]:
    """Rows and columns of cells of about this size in px which fit the picture exactly."""
    rows, columns = max(1, round(shape[0] / size_y)), max(1, round(shape[1] / size_x))
    if even_rows:
        rows = max(2, 2 * round(shape[0] / size_y / 2))
    return rows, columns


def lattice(
    shape: tuple[int, int],
    rows: int,
    columns: int,
    *,
    shift: float = 0.0,
    dx: Plane | None = None,
    dy: Plane | None = None,
) -> Cells:
    """Rectangular cells; odd rows are moved by `shift` of a cell; `dx`, `dy` (h, w) px bend the borders."""
    y, x = pixel_grid(*shape)
    if dy is not None:
        y = y + dy
    if dx is not None:
        x = x + dx
    size_y, size_x = shape[0] / rows, shape[1] / columns
    v = y / np.float32(size_y)
    row = np.floor(v).astype(np.intp)
    u = x / np.float32(size_x) + (row % 2) * np.float32(shift)
    column = np.floor(u).astype(np.intp)
    local_y = (v - row - np.float32(0.5)) * np.float32(size_y) + np.zeros(shape, np.float32)
    local_x = (u - column - np.float32(0.5)) * np.float32(size_x) + np.zeros(shape, np.float32)
    edge = np.minimum(size_x / 2 - np.abs(local_x), size_y / 2 - np.abs(local_y))
    index = (row % rows) * columns + (column % columns) + np.zeros(shape, np.intp)
    return Cells(edge=edge.astype(np.float32), index=index, count=rows * columns, x=local_x, y=local_y)


def scattered_points(
    rng: np.random.Generator, shape: tuple[int, int], size: float, jitter: float
) -> NDArray[np.float64]:
    """Points (n, 2) as y, x of a staggered grid of spacing `size` px, each moved by up to `jitter` of the spacing."""
    rows, columns = lattice_counts(shape, size, size, even_rows=True)
    row, column = np.mgrid[0:rows, 0:columns]
    offset = rng.uniform(-jitter, jitter, (2, rows, columns))
    y = (row + 0.5 + offset[0]) * shape[0] / rows
    x = (column + 0.5 + 0.5 * (row % 2) + offset[1]) * shape[1] / columns
    return np.stack([y % shape[0], x % shape[1]], -1).reshape(-1, 2)


def voronoi(
    points: NDArray[np.float64], shape: tuple[int, int], *, dx: Plane | None = None, dy: Plane | None = None
) -> Cells:
    """The Voronoi cells of `points` (n, 2) as y, x on a torus of `shape` px; `dx`, `dy` (h, w) px bend the borders.

    Sides must be multiples of `BLOCK`: the tree finds candidates for each block, the pixels choose among them.
    """
    height, width = shape
    y, x = pixel_grid(height, width)
    y = y + np.zeros(shape, np.float32) if dy is None else y + dy
    x = x + np.zeros(shape, np.float32) if dx is None else x + dx
    tree = KDTree(points % np.asarray(shape), boxsize=shape)
    middle = BLOCK // 2
    at = np.stack([y[middle::BLOCK, middle::BLOCK] % height, x[middle::BLOCK, middle::BLOCK] % width], -1) % shape
    _, candidates = tree.query(at, k=min(CANDIDATES, len(points)))
    blocks = height // BLOCK, BLOCK, width // BLOCK, BLOCK
    first, second = _two_nearest(points.astype(np.float32), candidates, y.reshape(blocks), x.reshape(blocks), shape)  # pyright: ignore[reportArgumentType]
    gap = _wrap(points[second[0]] - points[first[0]], np.asarray(shape))
    edge = (second[1] - first[1]) / (2 * np.hypot(gap[..., 0], gap[..., 1]) + 1e-6)
    index = first[0].reshape(shape)
    down, aside = (_wrap(p - points[index, i].astype(np.float32), shape[i]) for i, p in enumerate((y, x)))
    return Cells(edge=edge.astype(np.float32).reshape(shape), index=index, count=len(points), y=down, x=aside)


def _two_nearest(
    points: Plane, candidates: NDArray[np.intp], y: Plane, x: Plane, shape: tuple[int, int]
) -> tuple[tuple[NDArray[np.intp], Plane], tuple[NDArray[np.intp], Plane]]:
    """Number of, and squared distance to, the nearest and second nearest candidates of each block's pixels."""
    near = np.full(y.shape, np.inf, np.float32)
    next_near = near.copy()
    index, next_index = np.zeros(y.shape, np.intp), np.zeros(y.shape, np.intp)
    for k in range(candidates.shape[-1]):
        candidate = candidates[:, None, :, None, k]
        down, aside = _wrap(y - points[candidate, 0], shape[0]), _wrap(x - points[candidate, 1], shape[1])
        squared = down * down + aside * aside
        closer, second = squared < near, squared < next_near
        next_index = np.where(closer, index, np.where(second, candidate, next_index))
        next_near = np.where(closer, near, np.minimum(squared, next_near))
        index, near = np.where(closer, candidate, index), np.minimum(squared, near)
    return (index, near), (next_index, next_near)
