"""The texture while it is being painted: what is there, how well it was seen, and what a view should do about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from .fill import fill_gutters, fill_unseen
from .gather import ViewColours, blend, harmonise
from .prepare import Prepared, page_of_face
from .render import RenderedView
from .repaint import RepaintTarget
from .surface import Floats, Ints

_BETTER = 0.2
"""By how much a view's cosine must exceed that at which a texel was painted for the texel to be repainted."""

REFINED = 0.5
"""Share of the steps after which texels that are only refined begin to change."""


@dataclass(frozen=True, slots=True)
class ViewStart:
    """What a view is to paint, arrays (h, w).

    picture: (h, w, 3) uint8, the texture as seen so far, gaps filled with what is near. start: share of the steps that
    each pixel sits out: 0 = new, 1 = kept. new: share of the object's pixels that are new.
    """

    picture: np.ndarray
    start: Floats
    new: float


class PaintedTexture:
    """Textures that fill up view by view; what `target` keeps stays as it is, and views are brought into its colours."""

    def __init__(self, prepared: Prepared, target: RepaintTarget | None = None) -> None:
        self._surface, self._texels = prepared.surface, prepared.texels
        self._covered = self._texels.image(np.ones(len(self._texels), bool))
        self._page_of_face = page_of_face(self._texels, len(self._surface.faces))
        self._view_colours: list[ViewColours] = []
        self._cosine = np.zeros(len(self._texels), np.float32)
        self._target = target
        if target is not None and target.kept.any():
            index = np.flatnonzero(target.kept)
            self.add(ViewColours(index, target.colours[index], np.ones(len(index), np.float32)), np.float32(1))
        self.to_paint = 1.0 if target is None else float(1 - target.kept.mean())
        """Share of the texels that were to be painted at the start."""

    @property
    def has_paint(self) -> bool:
        """Whether there is anything that a view could continue."""
        return bool(self._view_colours)

    def add(self, colours: ViewColours, cosine: Floats | np.float32) -> None:
        """Take over a view's colours; `cosine` (m,) are the cosines at which it saw its texels."""
        self._view_colours.append(colours)
        self._cosine[colours.index] = np.maximum(self._cosine[colours.index], cosine)

    def view_start(self, view: RenderedView) -> ViewStart:
        """What is there in the eyes of `view`, and what it is to do: paint, refine, or leave."""
        colours, weight = self._mean()
        painted = self._sample(self._texels.image(np.where(weight > 0, self._cosine, -1)[:, None]), view)[..., 0]
        picture = self._sample(self._texels.image(colours), view)
        seen = view.face >= 0
        empty = seen & (painted <= 0)
        refined = seen & ~empty & (view.cosine > painted + _BETTER)
        start = np.where(seen & ~empty, np.where(refined, REFINED, 1), 0).astype(np.float32)
        picture = _continue_colours(picture, seen & ~empty)
        return ViewStart(
            np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8), start, float(empty.sum() / max(seen.sum(), 1))
        )

    def finish(self) -> tuple[Floats, Floats]:
        """Textures (p, n, n, 3) with no gap anywhere, and the weight (n,) with which each texel was seen."""
        colours, weight = self._mean()
        filled = fill_unseen(colours, weight > 0, self._surface, self._texels)
        pages = fill_gutters(self._texels.image(filled), self._covered)
        if self._target is not None:
            pages = np.where(self._target.free[..., None], pages, self._target.page)
        return pages, weight

    def disagreement(self) -> tuple[float, float]:
        """PSNR in dB of views against their mean, where they overlap: as painted, and harmonised."""
        pairs = (self._view_colours, harmonise(self._view_colours, len(self._texels), hold_first=True))
        before, after = (_overlap_psnr(colours, len(self._texels)) for colours in pairs)
        return before, after

    def _mean(self) -> tuple[Floats, Floats]:
        """Colours (n, 3) of all views together, brought into one tone, and their weights (n,)."""
        count = len(self._texels)
        colours, weight = blend(harmonise(self._view_colours, count, hold_first=True), count)
        if self._target is not None:
            colours[self._target.kept] = self._target.colours[self._target.kept]
        return colours, weight

    def _sample(self, pages: Floats, view: RenderedView) -> Floats:
        """The pages (p, n, n, c) at each pixel of a view, by nearest texel; 0 on the background."""
        filled = fill_gutters(pages, self._covered)
        size = self._texels.size
        page = np.where(view.face >= 0, self._page_of_face[view.face], -1)
        tiles = np.array([p.tile for p in self._texels.pages], np.float32)
        local = view.uv - tiles[np.maximum(page, 0)]
        column = np.clip((local[..., 0] * size).astype(np.int64), 0, size - 1)
        row = np.clip(((1 - local[..., 1]) * size).astype(np.int64), 0, size - 1)
        values = filled[np.maximum(page, 0), row, column]
        values[page < 0] = 0
        return values


def _continue_colours(picture: Floats, known: np.ndarray) -> Floats:
    """The nearest known colour wherever there is none, so that no foreign edge shows through the encoder."""
    if known.all() or not known.any():
        return picture
    rows, columns = np.asarray(distance_transform_edt(~known, return_distances=False, return_indices=True))
    return picture[rows, columns]


def _overlap_psnr(view_colours: list[ViewColours], count: int) -> float:
    mean, _ = blend(view_colours, count)
    times = np.zeros(count, np.int64)
    for view in view_colours:
        times[view.index] += 1
    errors = [(g.colour - mean[g.index])[times[g.index] > 1].ravel() for g in view_colours]
    squares: Ints | Floats = np.concatenate(errors) ** 2
    return float(-10 * np.log10(max(float(squares.mean()), 1e-12))) if squares.size else 120.0
