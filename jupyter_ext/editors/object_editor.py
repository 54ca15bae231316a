"""The editor of what nobody types: passes, meshes, cameras. It holds the object, and takes a path or a variable's name."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets

from sd_core.errors import RequestError
from sd_core.values import FieldSpec

from .base import Editor, EditorContext, MissingValue


class ObjectEditor(Editor):
    """An object, with a line that says what it is. The entry takes a path, or the name of a variable in braces."""

    def __init__(self, spec: FieldSpec, context: EditorContext) -> None:
        self._around = context
        self._object: Any = None
        hint = "path or {variable}" if spec.is_required else f"{spec.about.unset}; or {{variable}}"
        self._entry = widgets.Text(
            description=spec.label,
            placeholder=hint,
            continuous_update=False,
            layout=widgets.Layout(width="auto", flex="1 1 auto"),
        )
        self._about = widgets.HTML()
        self._about.add_class("studio-note")
        super().__init__(spec, self._entry, self._about, stacked=True)
        self._entry.observe(self._on_text_change, "value")

    def get(self) -> Any:
        text = self._entry.value.strip()
        value = resolve_input(text, self._around, self.spec.name) if text else self._object
        if value is None and self.spec.is_required:
            raise MissingValue(self.spec.name, "is missing", hint="give a path, or a variable as {name}")
        return value

    def set(self, value: Any) -> None:
        with self.suppress_changes():
            is_path = isinstance(value, str) and not _is_variable(value) and value == value.strip()
            self._entry.value = value if is_path else ""
            self._object = None if is_path else value
            self._show_description()

    def _on_text_change(self, *_: object) -> None:
        if not self._silent:
            self._object = None
            self._show_description()
            self.notify()

    def _show_description(self) -> None:
        self._about.value = "" if self._object is None else html.escape(describe(self._object))


def resolve_input(text: str, context: EditorContext, name: str) -> Any:
    """The variable of `{name}`, else the text as it is.

    Raises:
        RequestError: there is no such variable.
    """
    if not _is_variable(text):
        return text
    variable = text[1:-1].strip()
    variables = context.variables()
    if variable not in variables:
        raise RequestError(name, f"there is no variable {variable}", hint="run the cell that defines it first")
    return variables[variable]


def describe(value: object) -> str:
    """A short description of an object."""
    if isinstance(value, tuple):
        return f"{len(value)} items: {describe(value[0])} ..." if value else "nothing"
    shown = repr(value)
    return shown if len(shown) <= 100 else f"{shown[:97]}..."


def _is_variable(text: str) -> bool:
    return text.startswith("{") and text.endswith("}")
