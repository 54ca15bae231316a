"""The custom widgets, each of use alone: `Wipe(before=png, after=png)`.

Pictures are encoded bytes (PNG, JPEG, WebP), so no front end needs base64 and no widget needs Pillow.
"""

from __future__ import annotations

from .canvas import Canvas
from .depth_view import DepthView
from .gallery import Gallery
from .grid import Grid
from .player import Player
from .preview import Preview
from .shape import Shape
from .tiling import Tiling
from .wipe import Wipe

__all__ = ["Canvas", "DepthView", "Gallery", "Grid", "Player", "Preview", "Shape", "Tiling", "Wipe"]
