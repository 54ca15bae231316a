"""Choosing a picture and painting the mask of what is to be repainted."""

from __future__ import annotations

from traitlets import Enum, Float, Int, Unicode

from ._base import BytesFromPage, Widget, module, style


class Canvas(Widget):
    """A picture that is dropped, pasted or browsed for, under a mask that is painted with a brush.

    Keys on the picture: arrows move the brush (with Shift further), Space puts it down and up, `b` brush, `e` erase,
    `[` and `]` its size, `i` invert, Delete clear, Ctrl+Z and Ctrl+Shift+Z undo and redo.
    """

    _esm = module("canvas_mask", "canvas")
    _css = style("canvas")

    # What the page sets need not be sent back to it.
    image = BytesFromPage(b"").tag(sync=True, echo_update=False)
    """An encoded picture: PNG if it comes from the page, anything a browser shows if it comes from Python."""
    name = Unicode("").tag(sync=True)
    """The name of the file that was dropped or browsed for."""
    mask = BytesFromPage(b"").tag(sync=True, echo_update=False)
    """A grey 8-bit PNG of the size of the picture, white = repaint; empty: nothing is painted. It arrives when the
    pointer has rested for 0.2 s. `feather` is not in it."""
    tool = Enum(["brush", "erase"], "brush").tag(sync=True)
    radius = Float(24.0, min=1.0, max=512.0).tag(sync=True)
    """Of the brush, in px of the picture."""
    feather = Float(0.0, min=0.0, max=1024.0).tag(sync=True)
    """Px over which old and new are blended: shown as a soft edge, applied by the request's `feather`."""
    max_side = Int(1536, min=64).tag(sync=True)
    """Longest side in px of a picture from the page; a larger one is scaled down, and the page says so. Servers cut
    the connection on a message of more than 10 MB."""
