"""Depth as colours, with the distance under the pointer."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Bool, Bytes, Enum, Float, Int

from ._base import Widget, module, style


class DepthView(Widget):
    """Depth in a colour map between `near` and `far`, with the value under the pointer or under the arrow keys."""

    _esm = module("depth_view")
    _css = style("depth_view")

    depth = Bytes(b"").tag(sync=True)
    """(height, width) float32, planar camera depth in scene units; infinite: background, drawn as a checker."""
    width = Int(0, min=0).tag(sync=True)
    height = Int(0, min=0).tag(sync=True)
    colour_map = Enum(["grey", "turbo", "viridis", "magma"], "turbo").tag(sync=True)
    near = Float(None, allow_none=True).tag(sync=True)
    """In scene units; None: the least finite depth. `far`: None: the greatest."""
    far = Float(None, allow_none=True).tag(sync=True)
    inverse = Bool(True).tag(sync=True)
    """Colours follow 1/depth, as in the control picture of a request; else they follow depth. Near is bright in both."""

    def show_depth(self, depth: ArrayLike) -> None:
        """Show a depth map.

        Args:
            depth: (h, w), scene units, larger = farther.

        Raises:
            ValueError: it has no two axes.
        """
        values = np.asarray(depth, np.float32)
        if values.ndim != 2:
            msg = f"depth must be (h, w), got {values.shape}"
            raise ValueError(msg)
        with self.hold_sync():
            self.height, self.width = values.shape
            self.depth = values.tobytes()
