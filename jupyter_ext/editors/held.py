"""The editor of what nobody types: passes, meshes, cameras. It holds the object, and takes a path or a variable's name."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets

from sd_core.errors import RequestError
from sd_core.values import FieldSpec

from .base import Editor, Missing, Surroundings


class HeldEditor(Editor):
    """An object, with a line that says what it is. The entry takes a path, or the name of a variable in braces."""

    def __init__(self, spec: FieldSpec, around: Surroundings) -> None:
        self._around = around
        self._held: Any = None
        hint = "path or {variable}" if spec.required else f"{spec.about.unset or 'none'}; or {{variable}}"
        self._entry = widgets.Text(
            description=spec.label,
            placeholder=hint,
            continuous_update=False,
            layout=widgets.Layout(width="auto", flex="1 1 auto"),
        )
        self._about = widgets.HTML()
        self._about.add_class("studio-note")
        super().__init__(spec, self._entry, self._about, stacked=True)
        self._entry.observe(self._on_typed, "value")

    def get(self) -> Any:
        text = self._entry.value.strip()
        value = find(text, self._around, self.spec.name) if text else self._held
        if value is None and self.spec.required:
            raise Missing(self.spec.name, "is missing", hint="give a path, or a variable as {name}")
        return value if value is not None or self.spec.optional else self.spec.default

    def set(self, value: Any) -> None:
        with self.silently():
            is_path = isinstance(value, str) and not _is_variable(value) and value == value.strip()
            self._entry.value = value if is_path else ""
            self._held = None if is_path else value
            self._tell()

    def _on_typed(self, *_: object) -> None:
        if not self._silent:
            self._held = None
            self._tell()
            self.notify()

    def _tell(self) -> None:
        self._about.value = "" if self._held is None else html.escape(describe(self._held))


def find(text: str, around: Surroundings, name: str) -> Any:
    """The variable of `{name}`, else the text as it is.

    Raises:
        RequestError: there is no such variable.
    """
    if not _is_variable(text):
        return text
    variable = text[1:-1].strip()
    variables = around.variables()
    if variable not in variables:
        raise RequestError(name, f"there is no variable {variable}", hint="run the cell that makes it first")
    return variables[variable]


def describe(value: object) -> str:
    """A few words about an object."""
    if isinstance(value, tuple):
        return f"{len(value)} items: {describe(value[0])} ..." if value else "nothing"
    shown = repr(value)
    return shown if len(shown) <= 100 else f"{shown[:97]}..."


def _is_variable(text: str) -> bool:
    return text.startswith("{") and text.endswith("}")
