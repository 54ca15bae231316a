"""The menu of presets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from .presets import preset_names

_TITLE = "Presets ..."


class PresetMenu:
    """A list that reads as a button: what is chosen is used at once, and the title stands there again."""

    def __init__(self, own: Mapping[str, Mapping[str, Any]], use: Callable[[str], object]) -> None:
        self._own, self._use = own, use
        self.choice = widgets.Dropdown(layout=widgets.Layout(width="auto"))
        self.refresh()
        self.choice.observe(self._chosen, "value")

    def refresh(self) -> None:
        """Offer all that there are now."""
        self.choice.options = [_TITLE, *preset_names(self._own)]

    def _chosen(self, change: Mapping[str, Any]) -> None:
        if change["new"] != _TITLE:
            self._use(change["new"])
            self.choice.value = _TITLE
