"""Ways to look at an image, each a tab."""

from .animation import AnimationView
from .base import Note, View
from .code import CodeView, copy_source, write_arrays
from .material import MaterialView
from .pictures import CompareView, DepthTab, TilingView
from .sweep import SweepView

__all__ = [
    "AnimationView",
    "CodeView",
    "CompareView",
    "DepthTab",
    "MaterialView",
    "Note",
    "SweepView",
    "TilingView",
    "View",
    "copy_source",
    "write_arrays",
]
