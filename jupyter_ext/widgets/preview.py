"""The picture while it is being made: preview, progress, time left, Cancel."""

from __future__ import annotations

from collections.abc import Callable

from traitlets import Bool, Bytes, Float, Unicode

from ._base import Widget, module, style


class Preview(Widget):
    """The latest picture over a progress bar, with a Cancel button while `busy`.

    Whoever sends pictures sends the latest only, a few a second.
    """

    _esm = module("preview")
    _css = style("preview")

    image = Bytes(b"").tag(sync=True)
    """An encoded picture; empty: none yet."""
    mime = Unicode("image/jpeg").tag(sync=True)
    caption = Unicode("").tag(sync=True)
    """What is happening, as a short text; screen readers read it."""
    progress = Float(0.0, min=0.0, max=1.0).tag(sync=True)
    seconds_left = Float(None, allow_none=True).tag(sync=True)
    """None: not known."""
    busy = Bool(False).tag(sync=True)

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call `callback()` when Cancel is pressed, on any thread of the kernel: it should only set a flag."""
        self.on_message("cancel", lambda _message: callback())
