"""Each of the studio's widgets with something to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from jupyter_ext.widgets import Canvas, DepthView, Gallery, Grid, Player, Preview, Shape, Tiling, Wipe
from jupyter_ext.widgets._base import Widget
from tests.jupyter.browser.stage import flat

PICTURE = flat((120, 80, 40))
EXAMPLES: Mapping[str, Callable[[], Widget]] = {
    "canvas": lambda: Canvas(image=PICTURE),
    "depth_view": lambda: DepthView(depth=np.ones(16, np.float32).tobytes(), width=4, height=4),
    "gallery": lambda: Gallery(items=[{"id": "a", "caption": "a"}], thumbnails=[PICTURE]),
    "grid": lambda: Grid(column_labels=["1"], cells=[PICTURE]),
    "player": lambda: Player(frames=[PICTURE, PICTURE], errors=[None, 0.1]),
    "preview": lambda: Preview(image=PICTURE, busy=True, progress=0.5),
    "shape": lambda: Shape(base_color=PICTURE),
    "tiling": lambda: Tiling(image=PICTURE),
    "wipe": lambda: Wipe(before=PICTURE, after=PICTURE),
}
