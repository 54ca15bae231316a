"""One tile, many times: does it repeat without a seam?"""

from __future__ import annotations

from traitlets import Bool, Bytes, Int

from ._base import Widget, module, style


class Tiling(Widget):
    """`image` repeated in both directions; with `seams` shifted by half, so that its edges meet in the middle."""

    _esm = module("tiling")
    _css = style("tiling")

    image = Bytes(b"").tag(sync=True)
    """An encoded picture."""
    repeat = Int(3, min=1, max=8).tag(sync=True)
    """Tiles in each direction."""
    seams = Bool(False).tag(sync=True)
    """Shift the tiles by half of one; ticks at the border point to where the edges meet."""
