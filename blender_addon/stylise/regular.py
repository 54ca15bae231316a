# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a texture has courses or a grid, such as bricks and planks: breaking its repeat up would break them; no bpy."""

from __future__ import annotations

import numpy as np

_REGULAR = 0.3
"""Concentration of edges along two axes from which on a texture is regular: gravel and grass of the built-in model have less
than 0.15, its bricks, planks and tiles more than 0.4."""


def is_regular(picture: np.ndarray) -> bool:
    """Whether most edges of an (h, w, 3) texture run along its sides."""
    return concentration(picture) > _REGULAR


def concentration(picture: np.ndarray) -> float:
    """0 for edges of all directions alike, 1 for edges that all run along the sides."""
    grey = picture.astype(np.float32).mean(-1)
    down, across = (np.roll(grey, -1, axis) - np.roll(grey, 1, axis) for axis in (0, 1))
    strength = down**2 + across**2
    total = float(strength.sum())
    if not total:
        return 0.0
    # cos(4 angle) is 1 along both axes and -1 along the diagonals.
    return float((strength * np.cos(4 * np.arctan2(down, across))).sum()) / total
