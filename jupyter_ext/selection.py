"""Which image is looked at."""

from __future__ import annotations

from sd_core.errors import RequestError

from .history import Entry
from .panel import Panel


class Selection:
    """The chosen entry of the history, and the one before it, with which it is compared; the open view shows them."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._before: Entry | None = None
        self.entry: Entry | None = None

    @property
    def required(self) -> Entry:
        """The entry, where something is to be done with it.

        Raises:
            RequestError: there is none yet.
        """
        if self.entry is None:
            raise RequestError("image", "there is none yet", hint="generate one first")
        return self.entry

    def choose(self, entry: Entry) -> None:
        """Look at an entry."""
        if entry is not self.entry:
            self._before, self.entry = self.entry, entry
        self._panel.gallery.selected = entry.id
        self.show()

    def show(self) -> None:
        """Draw it in the view that is open."""
        view = self._panel.view
        if view is not None:
            view.open(self.entry, self._before)
