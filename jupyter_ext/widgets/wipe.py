"""Two pictures over one another, with a line to drag between them."""

from __future__ import annotations

from traitlets import Bytes, Float, Unicode

from ._base import Widget, module, style


class Wipe(Widget):
    """`before` left of the line, `after` right of it; the line is dragged, or moved with the arrow keys."""

    _esm = module("wipe")
    _css = style("wipe")

    before = Bytes(b"").tag(sync=True)
    """An encoded picture; so is `after`. If their sizes differ, `before` is stretched over `after`."""
    after = Bytes(b"").tag(sync=True)
    before_label = Unicode("before").tag(sync=True)
    after_label = Unicode("after").tag(sync=True)
    position = Float(0.5, min=0.0, max=1.0).tag(sync=True)
    """Of the line: 0 left, 1 right."""
