"""What holds the studio together in the page: its style, and its keys."""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets as widgets

_HERE = Path(__file__).parent


class Frame(anywidget.AnyWidget):
    """Shows nothing; puts the style into the page, and keeps the notebook from taking the studio's keys."""

    _esm = (_HERE / "frame.js").read_text(encoding="utf-8")
    _css = (_HERE / "studio.css").read_text(encoding="utf-8")

    def __init__(self) -> None:
        super().__init__(layout=widgets.Layout(display="none"))
