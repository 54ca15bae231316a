"""Seeded pictures for requests."""

from __future__ import annotations

import numpy as np


def picture(height: int, width: int, *, seed: int = 0, channels: int = 3) -> np.ndarray:
    """(h, w, channels) float32 in [0, 1]: noise, so that every pixel matters."""
    return np.random.default_rng(seed).random((height, width, channels), dtype=np.float32)


def bytes_picture(height: int, width: int, *, seed: int = 0, channels: int = 3) -> np.ndarray:
    """(h, w, channels) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def mask(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """(h, w) float32 with values on both sides of one half, unequal within the cell of one latent, too."""
    return np.random.default_rng(seed).choice(np.array([0, 0.3, 0.7, 1], np.float32), (height, width))


def depth(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """(h, w) float32 scene units with background: constant in cells of 8 px, so that no way of resizing changes it."""
    cells = np.random.default_rng(seed).uniform(2, 9, (height // 8, width // 8)).astype(np.float32)
    cells[0, 0] = np.inf
    return np.kron(cells, np.ones((8, 8), np.float32))
