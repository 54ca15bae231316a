"""Editors of text, choices, switches and lists of choices."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import ipywidgets as widgets

from sd_core.values import FieldSpec
from sd_core.values.choice_labels import choice_label

from .base import Editor, NameSuggestions

_WIDE = widgets.Layout(width="auto", flex="1 1 auto")


class TextEditor(Editor):
    """Text over several lines; it is the value as it stands. Where None is allowed, an entry left blank stays None."""

    def __init__(self, spec: FieldSpec) -> None:
        rows = 3 if spec.name == "prompt" else 2
        self._text = widgets.Textarea(
            description=spec.label,
            placeholder=spec.help,
            rows=rows,
            continuous_update=False,
            layout=widgets.Layout(width="auto"),
        )
        super().__init__(spec, self._text, stacked=True)
        self._blank: str | None = None if spec.optional else ""
        self._text.observe(self.notify, "value")

    def get(self) -> str | None:
        return self._text.value or self._blank

    def set(self, value: str | None) -> None:
        with self.suppress_changes():
            self._text.value = value or ""
            self._blank = value if not value else None if self.spec.optional else ""


class NameEditor(Editor):
    """A name or a path on one line, with suggestions; blank stands for None."""

    def __init__(self, spec: FieldSpec) -> None:
        self._name = widgets.Combobox(
            description=spec.label,
            placeholder=spec.about.unset if spec.optional else spec.help,
            ensure_option=False,
            continuous_update=False,
            layout=_WIDE,
        )
        super().__init__(spec, self._name)
        self._name.observe(self.notify, "value")

    def suggest(self, names: NameSuggestions) -> None:
        self._name.options = names.get(self.spec.name, ())

    def get(self) -> str | None:
        return None if self.spec.optional and not self._name.value.strip() else self._name.value

    def set(self, value: str | None) -> None:
        with self.suppress_changes():
            self._name.value = value or ""


class ChoiceEditor(Editor):
    """One member of an enumeration."""

    def __init__(self, spec: FieldSpec, kind: type[StrEnum]) -> None:
        options = [(choice_label(member.value), member.value) for member in kind]
        self._choice = widgets.Dropdown(description=spec.label, options=options, layout=_WIDE)
        super().__init__(spec, self._choice)
        if not spec.is_required:
            self.set(spec.default)
        self._choice.observe(self.notify, "value")

    def get(self) -> str:
        return str(self._choice.value)

    def set(self, value: str) -> None:
        with self.suppress_changes():
            self._choice.value = str(value)


class FlagEditor(Editor):
    """On or off."""

    def __init__(self, spec: FieldSpec) -> None:
        self._flag = widgets.Checkbox(description=spec.label, indent=False, value=spec.default is True)
        super().__init__(spec, self._flag)
        self._flag.observe(self.notify, "value")

    def get(self) -> bool:
        return self._flag.value

    def set(self, value: bool) -> None:
        with self.suppress_changes():
            self._flag.value = value


class OptionalFlagEditor(Editor):
    """On, off, or None."""

    def __init__(self, spec: FieldSpec) -> None:
        options = [("by itself", None), ("yes", True), ("no", False)]
        self._choice = widgets.Dropdown(
            description=spec.label, options=options, value=spec.default, tooltip=spec.about.unset, layout=_WIDE
        )
        super().__init__(spec, self._choice)
        self._choice.observe(self.notify, "value")

    def get(self) -> bool | None:
        return self._choice.value

    def set(self, value: bool | None) -> None:
        with self.suppress_changes():
            self._choice.value = value


class ChoicesEditor(Editor):
    """Several members of an enumeration, in the order in which they were chosen."""

    def __init__(self, spec: FieldSpec, kind: type[StrEnum]) -> None:
        self._tags = widgets.TagsInput(allowed_tags=[member.value for member in kind], allow_duplicates=False)
        super().__init__(spec, self._tags, stacked=True)
        if not spec.is_required:
            self.set(spec.default)
        self._tags.observe(self.notify, "value")

    def get(self) -> tuple[str, ...]:
        return tuple(self._tags.value)

    def set(self, value: tuple[str, ...]) -> None:
        with self.suppress_changes():
            self._tags.value = [str(member) for member in value]


class FormattedEditor(Editor):
    """A value that has a short written form.

    write: the text of a value. read: a value of a text, or a `RequestError`. Blank stands for None, or for `empty`.
    """

    def __init__(
        self, spec: FieldSpec, write: Callable[[Any], str], read: Callable[[str], Any], *, empty: Any = None
    ) -> None:
        self._write, self._read, self._empty = write, read, empty
        hint = spec.about.unset if spec.optional else spec.help
        self._text = widgets.Text(description=spec.label, placeholder=hint, continuous_update=False, layout=_WIDE)
        super().__init__(spec, self._text)
        if not spec.is_required:
            self.set(spec.default)
        self._text.observe(self.notify, "value")

    def get(self) -> Any:
        return self._read(self._text.value) if self._text.value.strip() else self._empty

    def set(self, value: Any) -> None:
        with self.suppress_changes():
            self._text.value = "" if value is None else self._write(value)
