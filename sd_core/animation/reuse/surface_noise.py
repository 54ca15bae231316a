"""Noise that belongs to surfaces: a hash of what a latent shows, so that any frame alone gives the noise of the sequence.

Every surface is cut into cells of 2 to 4 px, a power of two in scene units, and every cell has its own normal numbers. A
latent is the weighted sum of the cells whose visible pixels have their middle in it, divided by its own deviation. No cell
belongs to two latents, so that the noise is white by construction. Where a surface comes nearer, its cells give way to
finer ones gradually. (The idea of noise in a lattice of the world: "Tabula Rasa" 2026, arXiv:2610.11653; integrals of it
over pixels: Chang et al. 2024, "How I Warped Your Noise".)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from sd_core.values import Array

from ..geometry.frame_geometry import FrameGeometry, directions
from ..policy import POLICY

_PRIMES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells by pixel: `key` (n,) uint64, `weight` (n,), `row`, `column` (n,) of the pixel."""

    key: Array
    weight: Array
    row: Array
    column: Array


def can_anchor(geometry: FrameGeometry) -> bool:
    """Whether the passes tell surfaces apart: positions, or depth and camera."""
    return geometry.position is not None


def surface_noise(geometry: FrameGeometry, seed: int, channels: int, scale: int) -> Array:
    """(c, lh, lw) float32 unit noise.

    Args:
        geometry: a frame with places.
        seed: of the request.
        channels: c.
        scale: px to a latent.
    """
    height, width = geometry.size
    side = POLICY.px(POLICY.noise_cell, scale)
    cells = _join_cells(_surface_cells(geometry, side), _sky_cells(geometry, side))
    keys, which = np.unique(cells.key, return_inverse=True)
    weight = np.bincount(which, cells.weight, len(keys))
    total = np.maximum(weight, 1e-12)
    row = np.bincount(which, cells.weight * cells.row, len(keys)) / total
    column = np.bincount(which, cells.weight * cells.column, len(keys)) / total
    owner = (row // scale).astype(np.int64) * (width // scale) + (column // scale).astype(np.int64)
    return _sum_cells(keys, weight, owner, seed, channels, (height // scale, width // scale))


def _sum_cells(keys: Array, weight: Array, owner: Array, seed: int, channels: int, size: tuple[int, int]) -> Array:
    count = size[0] * size[1]
    power = np.bincount(owner, weight**2, count)
    # A latent that owns no cell, at a grazing angle, has noise of its own that stays on the screen.
    alone = _hash(np.arange(count, dtype=np.uint64), _PRIMES[4])
    planes: list[Array] = []
    for channel in range(channels):
        salt = _salt(seed, channel)
        summed = np.bincount(owner, weight * _normal(keys, salt), count) / np.sqrt(np.maximum(power, 1e-12))
        planes.append(np.where(power > 1e-6, summed, _normal(alone, salt)))
    return np.stack(planes).reshape(channels, *size).astype(np.float32)


def _surface_cells(geometry: FrameGeometry, side: float) -> _Cells:
    """Cells in space, `side` px large at least. The level of detail lies between two powers of two: both take part."""
    assert geometry.position is not None and geometry.slope is not None and geometry.width is not None, (
        "the view has places"
    )
    rows, columns = np.nonzero(np.isfinite(geometry.position).all(-1))
    position, ids = geometry.position[rows, columns], _ids(geometry)[rows, columns]
    level = np.log2(side * _span(geometry)[rows, columns])
    lower = np.floor(level)
    parts = [
        _Cells(_key(ids, n, np.floor(position / np.exp2(n)[:, None])), share, rows, columns)
        for n, share in ((lower, 1 - (level - lower)), (lower + 1, level - lower))
    ]
    return _join_cells(*parts)


def _sky_cells(geometry: FrameGeometry, side: float) -> _Cells:
    """Cells of direction; pixels of the screen where no camera is known."""
    camera = geometry.passes.camera
    rows, columns = np.nonzero(~np.isfinite(geometry.position).all(-1)) if geometry.position is not None else ((), ())
    rows, columns = np.asarray(rows, np.intp), np.asarray(columns, np.intp)
    if camera is None:
        position = np.stack([rows // side, columns // side, 0 * rows], axis=-1).astype(np.float64)
        level = np.full(len(rows), 64.0)
    else:
        sky = directions(geometry.size, camera)[rows, columns]
        level = np.full(len(rows), np.floor(np.log2(side / float(camera.intrinsics[0, 0]))))
        position = np.floor(sky / np.exp2(level)[:, None])
    return _Cells(_key(np.zeros(len(rows), np.uint64), level, position), np.ones(len(rows)), rows, columns)


def _span(geometry: FrameGeometry) -> Array:
    """(h, w) side of the square of a pixel's area on the surface, at most its longer side."""
    assert geometry.slope is not None and geometry.width is not None, "the view has places"
    area = np.linalg.norm(np.cross(geometry.slope[..., 0], geometry.slope[..., 1]), axis=-1)
    usual = float(np.nanmedian(geometry.width))
    span = np.sqrt(np.nan_to_num(area, nan=usual**2))
    return np.clip(span, 1e-3 * usual, geometry.width)


def _ids(geometry: FrameGeometry) -> Array:
    ids = geometry.passes.object_id
    return np.ones(geometry.size, np.uint64) if ids is None else ids.astype(np.uint64) + np.uint64(1)


def _join_cells(*parts: _Cells) -> _Cells:
    names = ("key", "weight", "row", "column")
    return _Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _key(ids: Array, level: Array, cell: Array) -> Array:
    """(n,) uint64 of object, level and cell (n, 3)."""
    key = _hash(ids, _PRIMES[0])
    for number, prime in zip((level, *cell.T), (_PRIMES[4], *_PRIMES[1:4]), strict=True):
        key = _hash(key ^ number.astype(np.int64).view(np.uint64), prime)
    return key


def _normal(keys: Array, salt: int) -> Array:
    """(n,) float64 normal numbers of keys: the inverse distribution at 53 bits of their hash."""
    bits = _hash(keys, salt) >> np.uint64(11)
    return ndtri((bits.astype(np.float64) + 0.5) / 2**53)


def _salt(seed: int, channel: int) -> int:
    return int(_hash(np.array([seed * 64 + channel], np.uint64), _PRIMES[2])[0])


def _hash(keys: Array, salt: int) -> Array:
    """SplitMix64's finaliser (Steele et al. 2014, "Fast splittable pseudorandom number generators")."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64(salt)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
