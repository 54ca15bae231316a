"""Ways to look at an image, each a tab."""

from .animation import AnimationTab
from .base import Note, ResultTab
from .code import CodeTab, copy_source, write_arrays
from .material import MaterialTab
from .pictures import CompareTab, DepthTab, TilingTab
from .sweep import SweepTab

__all__ = [
    "AnimationTab",
    "CodeTab",
    "CompareTab",
    "DepthTab",
    "MaterialTab",
    "Note",
    "ResultTab",
    "SweepTab",
    "TilingTab",
    "copy_source",
    "write_arrays",
]
