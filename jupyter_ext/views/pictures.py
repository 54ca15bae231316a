"""Views of one picture: against another, tiled, and the depth that it was made from."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np

from sd_core.display import encode
from sd_core.values import Array

from ..history import Entry
from ..pictures import png_bytes
from ..widgets import DepthView, Tiling, Wipe
from .base import Note, ResultTab


class CompareTab(ResultTab):
    """The picture against the one that it was made from, else against the one before it."""

    title = "Compare"

    def build(self) -> list[widgets.Widget]:
        self._wipe, self._note = Wipe(), Note()
        return [self._wipe, self._note]

    def show(self, entry: Entry, before: Entry | None) -> None:
        source = getattr(entry.request, "image", None)
        alone = source is None and before is None
        self._wipe.layout.display = "none" if alone else ""
        self._note.say("Generate a second image to compare it with this one." if alone else "")
        if alone:
            return
        with self._wipe.hold_sync():
            self._wipe.after = encode(entry.picture)[1]
            self._wipe.after_label = entry.caption
            if source is not None:
                self._wipe.before, self._wipe.before_label = png_bytes(source), "input"
            else:
                assert before is not None, "one of them is there"
                self._wipe.before, self._wipe.before_label = encode(before.picture)[1], before.caption


class TilingTab(ResultTab):
    """The picture repeated, with its seams in the middle on request."""

    title = "Tile"

    def build(self) -> list[widgets.Widget]:
        self._tiling = Tiling()
        return [self._tiling]

    def show(self, entry: Entry, before: Entry | None) -> None:
        self._tiling.image = encode(entry.picture)[1]


class DepthTab(ResultTab):
    """The depth that the picture was made from."""

    title = "Depth"

    def build(self) -> list[widgets.Widget]:
        self._view, self._note = DepthView(), Note()
        return [self._view, self._note]

    def show(self, entry: Entry, before: Entry | None) -> None:
        depth = getattr(entry.request, "depth", None)
        self._view.layout.display = "none" if depth is None else ""
        self._note.say("" if depth is not None else "This image was generated without a depth map.")
        if depth is not None:
            self._view.near, self._view.far = getattr(entry.request, "depth_range", None) or (None, None)
            self._view.show_depth(_in_scene_units(depth))


def _in_scene_units(depth: Array) -> Array:
    """A depth picture (uint8, near = white) as 1/c, so that the view's inverse colours show it as it is."""
    if depth.dtype != np.uint8:
        return depth
    with np.errstate(divide="ignore"):
        return (255 / depth.astype(np.float32)).astype(np.float32)
