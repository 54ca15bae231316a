"""The editor of a seed: random each time, locked, or the next one."""

from __future__ import annotations

import ipywidgets as widgets

from sd_core.errors import RequestError
from sd_core.requests.generation import MAX_SEED
from sd_core.values import FieldSpec

from .base import Editor


class SeedEditor(Editor):
    """A whole number; blank: the engine draws one. "Lock" keeps the one that was last used, "Next" takes the one after it."""

    def __init__(self, spec: FieldSpec) -> None:
        self._entry = widgets.Text(
            description=spec.label,
            placeholder=spec.about.unset,
            continuous_update=False,
            layout=widgets.Layout(width="60px", flex="1 1 60px"),
        )
        self._lock = widgets.ToggleButton(
            description="Lock", tooltip="Reuse the seed of the last image", layout=_NARROW
        )
        self._next = widgets.Button(description="Next", tooltip="Increase the seed by 1", layout=_NARROW)
        self._last: int | None = None
        super().__init__(spec, self._entry, self._lock, self._next)
        self._entry.observe(self._on_text_change, "value")
        self._lock.observe(self._on_lock_change, "value")
        self._next.on_click(self._set_next_seed)

    def get(self) -> int | None:
        text = self._entry.value.strip()
        try:
            return int(text) if text else None
        except ValueError as error:
            raise RequestError("seed", f"must be a whole number, got {text!r}", hint=f"from 0 to {MAX_SEED}") from error

    def set(self, value: int | None) -> None:
        with self.suppress_changes():
            self._entry.value = "" if value is None else str(value)
            self._lock.value = value is not None

    def set_last_seed(self, seed: int) -> None:
        """Tell which seed the engine took last."""
        self._last = seed
        self._entry.placeholder = f"random (last: {seed})"

    def _on_text_change(self, *_: object) -> None:
        if not self._silent:
            with self.suppress_changes():
                self._lock.value = bool(self._entry.value.strip())
            self.notify()

    def _on_lock_change(self, *_: object) -> None:
        if self._silent:
            return
        self.set(self._last if self._lock.value else None)
        self.notify()

    def _set_next_seed(self, *_: object) -> None:
        try:
            now = self.get()
        except RequestError:
            now = None
        current = self._last if now is None else now
        self.set(0 if current is None else (current + 1) % (MAX_SEED + 1))
        self.notify()


_NARROW = widgets.Layout(width="auto", flex="0 0 auto")
