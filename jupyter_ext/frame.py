"""What holds the studio together in the page: its style, and its keys."""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets as widgets

from .widgets._base import module


class Frame(anywidget.AnyWidget):
    """Shows nothing; puts the style into the page, and keeps the notebook from taking the studio's keys."""

    _esm = module("frame")
    _css = (Path(__file__).parent / "studio.css").read_text(encoding="utf-8")

    def __init__(self) -> None:
        super().__init__(layout=widgets.Layout(display="none"))
