"""Editors of parts: a LoRA, a control, what an animation reuses; alone, left out, or in a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from sd_core.errors import RequestError
from sd_core.values import FieldSpec, Value, field_specs

from .base import Editor, Names

Make = Callable[[FieldSpec], Editor]
"""Makes the editor of a field."""


class PartEditor(Editor):
    """A value with fields of its own, drawn with their editors once it is there; where None is allowed, a box turns it on."""

    def __init__(self, spec: FieldSpec, kind: type[Value], make: Make) -> None:
        self._kind, self._make = kind, make
        self._editors: dict[str, Editor] = {}
        self._names: Names = {}
        self._inside = widgets.VBox()
        self._inside.add_class("studio-part")
        self._use = widgets.Checkbox(indent=False, layout=widgets.Layout(width="auto"))
        super().__init__(spec, *([self._use] if spec.optional else []), self._inside, stacked=True)
        if not spec.optional:
            self._open()
        if isinstance(spec.default, Value):
            self.set(spec.default)
        self._use.observe(self._on_switched, "value")

    def get(self) -> Value | None:
        if self.spec.optional and not self._use.value:
            return None
        for editor in self._editors.values():
            editor.complain("")
        try:
            return self._kind(**{name: editor.get() for name, editor in self._editors.items()})
        except RequestError as error:
            if error.field in self._editors:
                self._editors[error.field].complain(f"{error.message}; {error.hint}".rstrip("; "))
            raise RequestError(f"{self.spec.name}.{error.field}", error.message, hint=error.hint) from error

    def set(self, value: Value | None) -> None:
        with self.silently():
            self._use.value = value is not None
            if value is not None:
                self._open()
                for name, editor in self._editors.items():
                    editor.set(getattr(value, name))
            self._inside.layout.display = "none" if value is None else ""

    def suggest(self, names: Names) -> None:
        part = f"{self._kind.__name__}."
        self._names = {name.removeprefix(part): held for name, held in names.items() if name.startswith(part)}
        for editor in self._editors.values():
            editor.suggest(self._names)

    def _open(self) -> None:
        if not self._editors:
            self._editors = {spec.name: self._make(spec) for spec in field_specs(self._kind).values()}
            for editor in self._editors.values():
                editor.on_change(self.notify)
                editor.suggest(self._names)
            self._inside.children = [editor.box for editor in self._editors.values()]

    def _on_switched(self, *_: object) -> None:
        if self._use.value:
            self._open()
        self._inside.layout.display = "" if self._use.value else "none"
        self.notify()


class ListEditor(Editor):
    """Any number of parts, each with a button that takes it out."""

    def __init__(self, spec: FieldSpec, kind: type[Value], make: Make) -> None:
        self._kind, self._make = kind, make
        self._items: list[PartEditor] = []
        self._names: Names = {}
        self._rows = widgets.VBox()
        add = widgets.Button(description="Add", tooltip=f"Add a {kind.__name__}", layout=widgets.Layout(width="70px"))
        super().__init__(spec, self._rows, add, stacked=True)
        add.on_click(self._add)

    def get(self) -> tuple[Value | None, ...]:
        return tuple(item.get() for item in self._items)

    def set(self, value: tuple[Value, ...]) -> None:
        with self.silently():
            self._items = [self._item(part) for part in value]
            self._draw()

    def suggest(self, names: Names) -> None:
        self._names = names
        for item in self._items:
            item.suggest(names)

    def _item(self, part: Value | None = None) -> PartEditor:
        place = replace(self.spec, convert=_same, item=_same, many=False, optional=False, default=None)
        item = PartEditor(place, self._kind, self._make)
        item.on_change(self.notify)
        item.suggest(self._names)
        if part is not None:
            item.set(part)
        return item

    def _add(self, *_: object) -> None:
        self._items.append(self._item())
        self._draw()
        self.notify()

    def _remove(self, item: PartEditor) -> None:
        self._items.remove(item)
        self._draw()
        self.notify()

    def _draw(self) -> None:
        self._rows.children = [self._row(item) for item in self._items]

    def _row(self, item: PartEditor) -> widgets.Widget:
        remove = widgets.Button(icon="trash", tooltip="Take it out", layout=widgets.Layout(width="36px"))
        remove.on_click(lambda _: self._remove(item))
        return widgets.HBox([item.box, remove])


def _same(value: Any) -> Any:
    return value
