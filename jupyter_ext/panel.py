"""The studio's widgets, where they stand, and which image they show; what they do is decided elsewhere."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

import anywidget
import ipywidgets as widgets

from sd_core.errors import RequestError, SDError

from .history import Entry, History
from .question import Question
from .views import Note, ResultTab
from .widgets import Gallery, Preview
from .widgets._base import module


class StudioStyle(anywidget.AnyWidget):
    """Shows nothing; puts the style into the page, and keeps the notebook from taking the studio's keys."""

    _esm = module("frame")
    _css = (Path(__file__).parent / "studio.css").read_text(encoding="utf-8")

    def __init__(self) -> None:
        super().__init__(layout=widgets.Layout(display="none"))


class Panel:
    """Modes and form at the left, picture and views at the right, the gallery below."""

    def __init__(self, modes: Iterable[str], presets: widgets.Widget, views: Sequence[ResultTab]) -> None:
        self.modes = widgets.ToggleButtons(options=list(modes))
        self.modes.add_class("studio-modes")
        self._presets = presets
        self.form = widgets.VBox()
        self.generate = widgets.Button(description="Generate", button_style="primary", icon="play")
        self.cancel = widgets.Button(description="Cancel", icon="stop", disabled=True)
        self.variations = widgets.Button(description="Variations", tooltip="Generate four images with the next seeds")
        self.copy = widgets.Button(description="Copy as Python", tooltip="Show Python code that generates this image")
        self.save = widgets.Button(description="Save", tooltip="Save the image as PNG with all its settings inside")
        self.note = Note()
        self.error = widgets.HTML(layout=widgets.Layout(display="none"))
        self.error.add_class("studio-error")
        self.question = Question()
        self.preview = Preview()
        self.gallery = Gallery()
        self.views = tuple(views)
        self.tabs = widgets.Tab([view.box for view in views], titles=[view.title for view in views])
        self.box = self._arrange()

    def show_error(self, error: SDError | None) -> None:
        """Show what went wrong and what to do about it; None: all is well."""
        self.error.layout.display = "none" if error is None else ""
        self.error.value = "" if error is None else _error_html(error)

    def set_busy(self, busy: bool) -> None:
        """Whether there is something to cancel."""
        self.cancel.disabled = not busy

    def fill_gallery(self, history: History) -> None:
        """Show all entries, the newest first."""
        entries = list(history)[::-1]
        with self.gallery.hold_sync():
            self.gallery.thumbnails = [entry.thumbnail for entry in entries]
            self.gallery.items = [{"id": entry.id, "caption": entry.caption, "title": entry.title} for entry in entries]

    @property
    def current_tab(self) -> ResultTab | None:
        """The view that is looked at."""
        return None if self.tabs.selected_index is None else self.views[self.tabs.selected_index]

    def select_tab(self, tab: ResultTab) -> None:
        """Open the tab of a view."""
        self.tabs.selected_index = self.views.index(tab)

    def _arrange(self) -> list[widgets.Widget]:
        actions = widgets.HBox([self.generate, self.cancel, self.variations, self.copy, self.save])
        actions.add_class("studio-actions")
        left = widgets.VBox([self.modes, self._presets, self.form])
        left.add_class("studio-left")
        right = widgets.VBox([actions, self.error, self.question.box, self.note, self.preview, self.gallery, self.tabs])
        right.add_class("studio-right")
        columns = widgets.Box([left, right])
        columns.add_class("studio-columns")
        return [StudioStyle(), columns]


class Selection:
    """The chosen entry of the history, and the one before it, with which it is compared; the open view shows them."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._before: Entry | None = None
        self.entry: Entry | None = None

    @property
    def required_entry(self) -> Entry:
        """The entry, where something is to be done with it.

        Raises:
            RequestError: there is none yet.
        """
        if self.entry is None:
            raise RequestError("image", "no image yet", hint="generate one first")
        return self.entry

    def select(self, entry: Entry) -> None:
        """Look at an entry."""
        if entry is not self.entry:
            self._before, self.entry = self.entry, entry
        self._panel.gallery.selected = entry.id
        self.show()

    def show(self) -> None:
        """Draw it in the view that is open."""
        view = self._panel.current_tab
        if view is not None:
            view.open(self.entry, self._before)


def _error_html(error: SDError) -> str:
    where = f"<b>{html.escape(error.field)}</b> " if isinstance(error, RequestError) else ""
    hint = f"<br><i>{html.escape(error.hint)}</i>" if error.hint else ""
    return f"{where}{html.escape(error.message)}{hint}"
