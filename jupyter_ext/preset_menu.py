"""The menu of presets, and what saves and deletes the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from sd_core.requests import Request

from .forms import Forms
from .presets import SavedPresets, apply_preset, preset_names, settings_of

_TITLE = "Load preset ..."

Guard = Callable[[Callable[[], object]], Callable[..., None]]
"""Makes a callback that shows errors instead of raising them."""


class PresetMenu:
    """A list that reads as a button: what is chosen is used at once, and the title stands there again.

    own: the user's presets. forms: hold the request that they are of. write: shows another one.
    """

    def __init__(
        self, saved_presets: SavedPresets, forms: Callable[[], Forms], write: Callable[[Request], None], guard: Guard
    ) -> None:
        self._saved_presets, self._forms, self._write, self._guard = saved_presets, forms, write, guard
        self.choice = widgets.Dropdown(options=[_TITLE], layout=widgets.Layout(flex="1 1 130px", width="auto"))
        self.name = widgets.Text(placeholder="preset name", layout=widgets.Layout(flex="1 1 130px", width="auto"))
        self.save = _button("save", "Save the settings under this name")
        self.delete = _button("trash", "Delete this preset")
        self.box = widgets.HBox([self.choice, self.name, self.save, self.delete])
        self.box.add_class("studio-presets")
        saved_presets.on_change(self.refresh)
        self.refresh()
        self.choice.observe(self._on_choice, "value")
        self.name.observe(lambda _: self._update_buttons(), "value")
        self.save.on_click(guard(self._save))
        self.delete.on_click(guard(self._delete))

    def refresh(self) -> None:
        """Offer all that there are now, also those that another notebook has saved."""
        self.choice.options = [_TITLE, *preset_names(self._saved_presets)]
        self._update_buttons()

    def _on_choice(self, change: Mapping[str, Any]) -> None:
        if change["new"] != _TITLE:
            self._guard(lambda: self._apply(change["new"]))()
            self.choice.value = _TITLE

    def _apply(self, name: str) -> None:
        if name in self._saved_presets:
            self.name.value = name
        self._write(apply_preset(name, self._forms().read(), self._saved_presets))

    def _save(self) -> None:
        self._saved_presets[self.name.value.strip()] = settings_of(self._forms().read())

    def _delete(self) -> None:
        self._saved_presets.pop(self.name.value.strip(), None)
        self.name.value = ""

    def _update_buttons(self) -> None:
        name = self.name.value.strip()
        self.save.disabled, self.delete.disabled = not name, name not in self._saved_presets


def _button(icon: str, tooltip: str) -> widgets.Button:
    return widgets.Button(
        icon=icon, tooltip=tooltip, disabled=True, layout=widgets.Layout(width="36px", flex="0 0 36px")
    )
