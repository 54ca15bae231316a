"""Texels that no view saw, and the space between charts."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from .surface import Floats, Surface
from .texels import Texels

_NEIGHBOURS = 8
_TURNED = 0.3
"""How many radii away a texel counts as that looks the other way."""


def fill_unseen(colours: Floats, seen: np.ndarray, surface: Surface, texels: Texels) -> Floats:
    """Colours (n, 3), those not `seen` (n,) taken from neighbours on the surface, of the same object if it can be.

    Neighbours are near in space and look in the same direction; nearer ones count for more (Shepard 1968,
    "A two-dimensional interpolation function for irregularly-spaced data").
    """
    if seen.all() or not seen.any():
        return colours
    points = np.concatenate([texels.positions(surface), texels.normals(surface) * (_TURNED * surface.radius)], axis=1)
    owner = surface.object_id[texels.face]
    filled = colours.copy()
    for number in np.unique(owner[~seen]):
        wanted = np.flatnonzero(~seen & (owner == number))
        known = np.flatnonzero(seen & (owner == number))
        known = known if len(known) else np.flatnonzero(seen)
        filled[wanted] = _interpolate(points[known], colours[known], points[wanted])
    return filled


def fill_gutters(pages: Floats, covered: np.ndarray) -> Floats:
    """Pages (p, n, n, c) with every texel outside all charts given the colour of the nearest one inside.

    Args:
        covered: (p, n, n), whether a face covers the texel.
    """
    filled = pages.copy()
    for page, inside in zip(filled, covered, strict=True):
        if inside.any() and not inside.all():
            rows, columns = np.asarray(distance_transform_edt(~inside, return_distances=False, return_indices=True))
            page[:] = page[rows, columns]
    return filled


def _interpolate(known: Floats, colours: Floats, wanted: Floats) -> Floats:
    distance, index = KDTree(known).query(wanted, k=min(_NEIGHBOURS, len(known)))
    distance, index = distance.reshape(len(wanted), -1), index.reshape(len(wanted), -1)
    weight = 1 / np.maximum(distance, 1e-9) ** 2
    return np.einsum("nk,nkc->nc", weight / weight.sum(axis=1, keepdims=True), colours[index]).astype(np.float32)
