"""Which editor a field gets: decided by its converter, never by its type's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sd_core.errors import RequestError
from sd_core.passes import as_depth
from sd_core.values import FieldSpec, Role, Value, as_control, as_mask, as_picture, field_specs
from sd_core.values.checks import (
    choice,
    depth_range,
    flag,
    instance,
    integer,
    margins,
    name,
    number,
    path,
    side,
    text,
    tuple_of,
)

from .base import Editor, EditorContext
from .numbers import NumberEditor, side_editor
from .object_editor import ObjectEditor
from .parts import NestedEditor, NestedListEditor
from .pictures import PictureEditor
from .plain import ChoiceEditor, ChoicesEditor, FlagEditor, FormattedEditor, NameEditor, OptionalFlagEditor, TextEditor
from .seeds import SeedEditor

_PICTURES = (as_picture, as_mask, as_depth, as_control)


def make_editor(spec: FieldSpec, context: EditorContext) -> Editor:  # noqa: PLR0911 - one for each kind
    """The editor of a field."""
    convert = spec.convert
    if convert in _PICTURES:
        return PictureEditor(spec, context)
    if isinstance(convert, tuple_of):
        return _list_editor(spec, convert, context)
    match convert:
        case integer() if spec.name == "seed":
            return SeedEditor(spec)
        case integer() | number():
            return NumberEditor(spec, convert)
        case choice(kind=kind):
            return ChoiceEditor(spec, kind)
        case instance(kind=kind) if issubclass(kind, Value):
            return NestedEditor(spec, kind, lambda inner: make_editor(inner, context))
        case _:
            return _editor_of_converter(spec, convert, context)


def _editor_of_converter(  # noqa: PLR0911 - one for each kind
    spec: FieldSpec, convert: Callable[[Any], Any], context: EditorContext
) -> Editor:
    if convert is text:
        return TextEditor(spec)
    if convert is side:
        return side_editor(spec)
    if convert is flag:
        return OptionalFlagEditor(spec) if spec.optional else FlagEditor(spec)
    if convert in (name, path):
        return NameEditor(spec)
    if convert is depth_range:
        return FormattedEditor(spec, _write_numbers, lambda words: _parse_numbers(spec.name, words, float))
    if convert is margins:
        return FormattedEditor(
            spec, _write_numbers, lambda words: _parse_numbers(spec.name, words, int), empty=(0, 0, 0, 0)
        )
    return ObjectEditor(spec, context)


def _list_editor(spec: FieldSpec, convert: tuple_of[Any, Any], context: EditorContext) -> Editor:
    match convert.convert:
        case choice(kind=kind):
            return ChoicesEditor(spec, kind)
        case instance(kind=kind) if issubclass(kind, Value) and not spec.optional and _can_be_typed(kind):
            return NestedListEditor(spec, kind, lambda inner: make_editor(inner, context))
        case _:
            return ObjectEditor(spec, context)


def _can_be_typed(kind: type[Value]) -> bool:
    """Whether any of its fields is more than an array: cameras are made by programs."""
    return any(inner.role is not Role.ARRAY for inner in field_specs(kind).values())


def _write_numbers(values: tuple[float, ...]) -> str:
    return ", ".join(map(repr, values))


def _parse_numbers(field: str, entered: str, kind: type[int | float]) -> tuple[float, ...]:
    try:
        return tuple(kind(word) for word in entered.replace(",", " ").split())
    except ValueError as error:
        raise RequestError(field, f"must be numbers, got {entered!r}", hint="as in 0.5, 20") from error
