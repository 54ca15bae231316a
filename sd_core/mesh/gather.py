"""From views to texels: every texel looks up its colour in each view that sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from sd_core.passes import project

from .rays import Rays
from .render import MOST_APART, RenderedView
from .surface import Floats, Ints, Surface
from .texels import Texels
from .views import seen_cosines

_EROSION = 2.0
_FEATHER = 8.0
"""px at which a view's edges cease to count, and over which its weight then rises."""

_FAINT = 1e-4
"""Weight of a texel that is seen on the very edge of a surface: better than nothing, and only then."""


@dataclass(frozen=True, slots=True)
class ViewColours:
    """The texels that one view sees: index (m,) into the texels, colour (m, 3), weight (m,)."""

    index: Ints
    colour: Floats
    weight: Floats


def look_up(
    picture: Floats,
    view: RenderedView,
    surface: Surface,
    texels: Texels,
    rays: Rays,
    *,
    power: float = 2.0,
    erosion: float = _EROSION,
) -> ViewColours:
    """The colours that `view` has for texels.

    Args:
        picture: (h, w, 3) float32 in [0, 1].
        power: exponent of the cosine between normal and view; high ones trust the frontal view alone.
        erosion: px from silhouettes and jumps in depth inside which colours may be another surface's.
    """
    positions, normals = texels.positions(surface), texels.normals(surface)
    cosines = seen_cosines(positions, normals, view.camera, surface, rays, view.size)
    index = np.flatnonzero(cosines)
    pixels, _ = project(positions[index], view.camera)
    # Pixel centres lie at + 0.5.
    at = (pixels[:, ::-1] - 0.5).T
    colour = np.stack([map_coordinates(picture[..., c], at, order=1, mode="nearest") for c in range(3)], axis=-1)
    safe = map_coordinates(view.safe, at, order=1, mode="nearest")
    trust = np.clip((safe - erosion) / _FEATHER, 0, 1)
    own = _is_same_surface(at, positions[index], view, surface, texels.face[index])
    weight = cosines[index] ** power * np.where(own, np.maximum(trust, _FAINT), 0)
    kept = weight > 0
    return ViewColours(index[kept], colour[kept].astype(np.float32), weight[kept].astype(np.float32))


def _is_same_surface(at: Floats, positions: Floats, view: RenderedView, surface: Surface, face: Ints) -> np.ndarray:
    """Whether all four pixels around a texel show its own object, and points no farther away than neighbours may be."""
    height, width = view.size
    low = np.floor(at).astype(np.int64)
    same = np.ones(at.shape[1], bool)
    reach = MOST_APART / float(view.camera.intrinsics[0, 0])
    for dy in (0, 1):
        for dx in (0, 1):
            row, column = np.clip(low[0] + dy, 0, height - 1), np.clip(low[1] + dx, 0, width - 1)
            seen = view.face[row, column]
            same &= (seen >= 0) & (surface.object_id[seen] == surface.object_id[face])
            apart = np.linalg.norm(view.position[row, column] - positions, axis=1)
            same &= apart < reach * np.where(seen >= 0, view.depth[row, column], 0)
    return same


def blend(view_colours: list[ViewColours], count: int) -> tuple[Floats, Floats]:
    """Weighted means (count, 3) and summed weights (count,); 0 where nothing was seen."""
    colour, weight = np.zeros((count, 3), np.float64), np.zeros(count, np.float64)
    for view in view_colours:
        colour[view.index] += view.colour * view.weight[:, None]
        weight[view.index] += view.weight
    mean = np.divide(colour, weight[:, None], out=np.zeros_like(colour), where=weight[:, None] > 0)
    return mean.astype(np.float32), weight.astype(np.float32)


def harmonise(view_colours: list[ViewColours], count: int, *, hold_first: bool = False) -> list[ViewColours]:
    """The same colours with a constant added to each view, so that views agree where they overlap.

    The offsets are least-squares: with overlaps as edges between views they solve a small Laplacian system, whose free
    constant is chosen so that they sum to zero (or so that the first view keeps its colours).
    """
    views = len(view_colours)
    laplacian, right = np.zeros((views, views)), np.zeros((views, 3))
    for i in range(views):
        for j in range(i):
            weight, difference = _disagreement(view_colours[i], view_colours[j], count)
            laplacian[i, i] += weight
            laplacian[j, j] += weight
            laplacian[i, j] -= weight
            laplacian[j, i] -= weight
            right[i] -= difference
            right[j] += difference
    offsets = np.linalg.lstsq(laplacian, right, rcond=1e-9)[0]
    offsets -= offsets[0] if hold_first else offsets.mean(axis=0)
    return [
        ViewColours(g.index, np.clip(g.colour + offset, 0, 1).astype(np.float32), g.weight)
        for g, offset in zip(view_colours, offsets, strict=True)
    ]


def _disagreement(first: ViewColours, second: ViewColours, count: int) -> tuple[float, Floats]:
    """Summed weight of the overlap, and the weighted sum (3,) of `first` minus `second` in it."""
    where = np.full(count, -1, np.int64)
    where[second.index] = np.arange(len(second.index))
    partner = where[first.index]
    both = partner >= 0
    weight = np.minimum(first.weight[both], second.weight[partner[both]]).astype(np.float64)
    difference = (first.colour[both] - second.colour[partner[both]]) * weight[:, None]
    return float(weight.sum()), difference.sum(axis=0)
