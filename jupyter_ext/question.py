"""Whether a request that somebody's picture carries may use what it names: two buttons, and nothing happens before."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as widgets

from sd_core.errors import NotAllowed


class Question:
    """Hidden until something is asked; a new question takes the place of an old one, which is forgotten."""

    def __init__(self) -> None:
        self._text = widgets.HTML()
        self.yes = widgets.Button(description="Allow Once", button_style="warning")
        self.no = widgets.Button(description="Cancel")
        self.box = widgets.VBox([self._text, widgets.HBox([self.yes, self.no])])
        self.box.add_class("studio-error")
        self._then: Callable[[], object] | None = None
        self.yes.on_click(lambda _: self._answer(agreed=True))
        self.no.on_click(lambda _: self._answer(agreed=False))
        self.forget()

    def ask(self, picture: str, error: NotAllowed, then: Callable[[], object]) -> None:
        """Show what the picture names; `then` is called if the user agrees."""
        listed = "".join(
            f"<li>{html.escape(each['role'])}: <code>{html.escape(each['shown'])}</code></li>" for each in error.names
        )
        self._text.value = (
            f"<b>{html.escape(picture)}</b> wants to load<ul>{listed}</ul>"
            f"Allow only files that you trust. To allow it permanently: <code>{html.escape(error.hint)}</code>"
        )
        self._then = then
        self.box.layout.display = ""

    def forget(self) -> None:
        """Take the question back."""
        self._then = None
        self._text.value = ""
        self.box.layout.display = "none"

    def _answer(self, *, agreed: bool) -> None:
        then = self._then
        self.forget()
        if agreed and then is not None:
            then()
