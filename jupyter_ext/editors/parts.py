"""Editors of parts: a LoRA, a control, what an animation reuses; alone, left out, or in a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from sd_core.errors import RequestError
from sd_core.values import FieldSpec, Value, field_specs

from .base import Editor, NameSuggestions

MakeEditor = Callable[[FieldSpec], Editor]
"""Makes the editor of a field."""


class NestedEditor(Editor):
    """A value with fields of its own, shown with their editors once it is set; where None is allowed, a box turns it on."""

    def __init__(self, spec: FieldSpec, kind: type[Value], make: MakeEditor) -> None:
        self._kind, self._make = kind, make
        self._editors: dict[str, Editor] = {}
        self._names: NameSuggestions = {}
        self._inside = widgets.VBox()
        self._inside.add_class("studio-part")
        self._use = widgets.Checkbox(indent=False, layout=widgets.Layout(width="auto"))
        super().__init__(spec, *([self._use] if spec.optional else []), self._inside, stacked=True)
        if not spec.optional:
            self._build_editors()
        if isinstance(spec.default, Value):
            self.set(spec.default)
        self._use.observe(self._on_toggle, "value")

    def get(self) -> Value | None:
        if self.spec.optional and not self._use.value:
            return None
        for editor in self._editors.values():
            editor.show_error("")
        try:
            return self._kind(**{name: editor.get() for name, editor in self._editors.items()})
        except RequestError as error:
            if error.field in self._editors:
                self._editors[error.field].show_error(f"{error.message}; {error.hint}".rstrip("; "))
            raise RequestError(f"{self.spec.name}.{error.field}", error.message, hint=error.hint) from error

    def set(self, value: Value | None) -> None:
        with self.suppress_changes():
            self._use.value = value is not None
            if value is not None:
                self._build_editors()
                for name, editor in self._editors.items():
                    editor.set(getattr(value, name))
            self._inside.layout.display = "none" if value is None else ""

    def suggest(self, names: NameSuggestions) -> None:
        part = f"{self._kind.__name__}."
        self._names = {
            name.removeprefix(part): suggestions for name, suggestions in names.items() if name.startswith(part)
        }
        for editor in self._editors.values():
            editor.suggest(self._names)

    def _build_editors(self) -> None:
        if not self._editors:
            self._editors = {spec.name: self._make(spec) for spec in field_specs(self._kind).values()}
            for editor in self._editors.values():
                editor.on_change(self.notify)
                editor.suggest(self._names)
            self._inside.children = [editor.box for editor in self._editors.values()]

    def _on_toggle(self, *_: object) -> None:
        if self._use.value:
            self._build_editors()
        self._inside.layout.display = "" if self._use.value else "none"
        self.notify()


class NestedListEditor(Editor):
    """Any number of parts, each with a button that takes it out."""

    def __init__(self, spec: FieldSpec, kind: type[Value], make: MakeEditor) -> None:
        self._kind, self._make = kind, make
        self._items: list[NestedEditor] = []
        self._names: NameSuggestions = {}
        self._rows = widgets.VBox()
        add = widgets.Button(description="Add", tooltip=f"Add to {spec.label}", layout=widgets.Layout(width="70px"))
        super().__init__(spec, self._rows, add, stacked=True)
        add.on_click(self._add)

    def get(self) -> tuple[Value | None, ...]:
        return tuple(item.get() for item in self._items)

    def set(self, value: tuple[Value, ...]) -> None:
        with self.suppress_changes():
            self._items = [self._new_item(part) for part in value]
            self._show_rows()

    def suggest(self, names: NameSuggestions) -> None:
        self._names = names
        for item in self._items:
            item.suggest(names)

    def _new_item(self, value: Value | None = None) -> NestedEditor:
        item_spec = replace(self.spec, convert=_identity, item=_identity, many=False, optional=False, default=None)
        item = NestedEditor(item_spec, self._kind, self._make)
        item.on_change(self.notify)
        item.suggest(self._names)
        if value is not None:
            item.set(value)
        return item

    def _add(self, *_: object) -> None:
        self._items.append(self._new_item())
        self._show_rows()
        self.notify()

    def _remove_item(self, item: NestedEditor) -> None:
        self._items.remove(item)
        self._show_rows()
        self.notify()

    def _show_rows(self) -> None:
        self._rows.children = [self._row(item) for item in self._items]

    def _row(self, item: NestedEditor) -> widgets.Widget:
        remove = widgets.Button(icon="trash", tooltip="Remove", layout=widgets.Layout(width="36px"))
        remove.on_click(lambda _: self._remove_item(item))
        return widgets.HBox([item.box, remove])


def _identity(value: Any) -> Any:
    return value
