"""Overlapping windows over a picture that is too large to be done at once, blended where they overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a picture is cut, in latent cells.

    `wrap_x` and `wrap_y` let windows run over the border to the other side, so that a tiling picture stays one.
    """

    tile: int = 64
    overlap: int = 16
    wrap_x: bool = False
    wrap_y: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """The cells of one tile: row and column numbers, and a weight (rows, columns) that falls off in the overlap."""

    rows: Tensor
    columns: Tensor
    weight: Tensor

    def cut(self, x: Tensor, scale: int = 1) -> Tensor:
        """The tile of `x` (b, c, h, w), which has `scale` pixels to a cell."""
        rows, columns = _scale(self.rows, scale).to(x.device), _scale(self.columns, scale).to(x.device)
        return x[..., rows[:, None], columns[None, :]]


def windows(height: int, width: int, tiling: Tiling) -> list[Window]:
    """Windows that cover `height` x `width` cells (MultiDiffusion, Bar-Tal et al. 2023, arXiv:2302.08113)."""
    rows = list(_spans(height, tiling, tiling.wrap_y))
    columns = list(_spans(width, tiling, tiling.wrap_x))
    ramp = tiling.overlap
    weigh = lambda cells: _fall_off(len(cells), ramp)  # noqa: E731
    return [Window(r, c, weigh(r)[:, None] * weigh(c)[None, :]) for r in rows for c in columns]


def is_tiled(size: int, tiling: Tiling) -> bool:
    """Whether an axis of `size` cells needs more than one tile."""
    return size > tiling.tile


def map_tiles(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    tiling: Tiling,
    *,
    cells: tuple[int, int],
    scale_in: int,
    scale_out: int,
) -> Tensor:
    """Apply `function` to every tile of `x` and blend the results.

    Args:
        function: tile (b, c, scale_in * th, scale_in * tw) -> (b, c', scale_out * th, scale_out * tw).
        x: (b, c, scale_in * lh, scale_in * lw).
        tiling: tile size and overlap, in cells.
        cells: (lh, lw).
        scale_in, scale_out: pixels of input and output to a cell.
    """
    covered = windows(*cells, tiling)
    return blend((function(window.cut(x, scale_in)) for window in covered), covered, cells, scale_out)


def blend(tiles: Iterator[Tensor], covered: list[Window], cells: tuple[int, int], scale: int = 1) -> Tensor:
    """The weighted mean of overlapping `tiles` (b, c, scale * th, scale * tw) on the whole picture."""
    total: Tensor | None = None
    weights = torch.zeros(cells[0] * scale, cells[1] * scale)
    for tile, window in zip(tiles, covered, strict=True):
        if total is None:
            total = tile.new_zeros((*tile.shape[:2], cells[0] * scale, cells[1] * scale), dtype=torch.float32)
        rows, columns = _scale(window.rows, scale)[:, None], _scale(window.columns, scale)[None, :]
        weight = _enlarge(window.weight, scale)
        weights[rows, columns] += weight
        total[..., rows.to(total.device), columns.to(total.device)] += tile.float() * weight.to(total.device)
    assert total is not None, "a picture has at least one window"
    return total / weights.to(total.device)


def _spans(size: int, tiling: Tiling, wrap: bool) -> Iterator[Tensor]:
    if not is_tiled(size, tiling):
        yield torch.arange(size)
        return
    stride = tiling.tile - tiling.overlap
    count = ceil(size / stride) if wrap else ceil((size - tiling.overlap) / stride)
    last = size if wrap else size - tiling.tile
    for i in range(count):
        start = round(i * last / (count if wrap else count - 1))
        yield (torch.arange(tiling.tile) + start) % size


def _fall_off(length: int, ramp: int) -> Tensor:
    """A weight that is 1 in the middle and falls linearly to just above 0 over `ramp` cells at both ends."""
    distance = torch.minimum(torch.arange(length), torch.arange(length - 1, -1, -1)) + 1
    return (distance / (ramp + 1)).clamp(max=1.0)


def _scale(cells: Tensor, scale: int) -> Tensor:
    return (cells[:, None] * scale + torch.arange(scale)).flatten()


def _enlarge(weight: Tensor, scale: int) -> Tensor:
    """The weight at `scale` pixels to a cell, smooth, so that blended pixels show no steps."""
    size = [n * scale for n in weight.shape]
    return torch.nn.functional.interpolate(weight[None, None], size=size, mode="bilinear")[0, 0]
