"""What every view of an image is: a tab that draws only while it is looked at."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from typing import ClassVar

import ipywidgets as widgets

from ..history import Entry


class ResultTab(ABC):
    """A way to look at an entry of the history. Its widgets are made when it is first opened."""

    title: ClassVar[str]

    def __init__(self) -> None:
        self.box = widgets.VBox()
        self._shown: Entry | None = None

    def open(self, entry: Entry | None, before: Entry | None = None) -> None:
        """Show an entry; `before` is the one that was looked at earlier."""
        if not self.box.children:
            self.box.children = self.build()
        if entry is not None and entry is not self._shown:
            self._shown = entry
            self.show(entry, before)

    @abstractmethod
    def build(self) -> list[widgets.Widget]:
        """The widgets of the tab."""

    @abstractmethod
    def show(self, entry: Entry, before: Entry | None) -> None:
        """Put an entry into them."""


class Note(widgets.HTML):
    """A line that says why there is nothing to see."""

    def __init__(self) -> None:
        super().__init__(layout=widgets.Layout(display="none"))
        self.add_class("studio-note")

    def say(self, text: str) -> None:
        """Show `text`, or nothing."""
        self.value = html.escape(text)
        self.layout.display = "" if text else "none"
