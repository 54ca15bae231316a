"""Everything that a request names outside itself, as the roles of its fields tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import RequestError
from ..requests import Request
from ..values import JSON_TYPES, FieldSpec, Role, Value, field_specs

_MAX_DEPTH = 32
"""Of JSON; requests nest five deep."""


@dataclass(frozen=True, slots=True)
class Named:
    """place: in the request, such as "loras[0].path". role: what is named. name: as the request has it."""

    place: str
    role: Role
    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text anywhere in a request. field: the one that it stands in; None: in none that a request can have."""

    place: str
    field: FieldSpec | None
    text: str

    @property
    def role(self) -> Role | None:
        """What it names; None: nothing."""
        return self.field.role if self.field is not None and self.field.role.is_outside else None

    @property
    def is_plain(self) -> bool:
        """Whether it stands where text is only text."""
        return self.field is not None and self.field.is_plain


def named_in(request: Request | Mapping[str, Any]) -> list[Named]:
    """What a request, or the JSON of one, names outside itself, in the order of its fields.

    JSON that no request can be made of is the codec's to refuse: it may name less here.

    Raises:
        RequestError: nested too deeply.
    """
    return [Named(held.place, held.role, held.text) for held in texts_in(request) if held.role is not None]


def texts_in(request: Request | Mapping[str, Any]) -> Iterator[Text]:
    """Every text in a request, or in the JSON of one, but for types and references to arrays.

    Raises:
        RequestError: nested too deeply.
    """
    return _texts(request, "", None, 0)


def _texts(held: object, place: str, field: FieldSpec | None, depth: int) -> Iterator[Text]:
    if isinstance(held, str):
        yield Text(place, field, held)
    elif depth > _MAX_DEPTH:
        raise RequestError("json", "is nested too deeply", hint="send what to_json gives")
    elif isinstance(held, (tuple, list)):
        for index, item in enumerate(held):
            yield from _texts(item, f"{place}[{index}]", field, depth + 1)
    elif isinstance(held, (Value, Mapping)):
        for key, spec, inner in _pairs(held):
            yield from _texts(inner, f"{place}.{key}" if place else key, spec, depth + 1)


def _pairs(held: Value | Mapping[str, Any]) -> Iterator[tuple[str, FieldSpec | None, object]]:
    """Names, fields and values of a request or a part."""
    if isinstance(held, Value):
        for name, spec in field_specs(type(held)).items():
            yield name, spec, getattr(held, name)
        return
    if "blob" in held:
        return  # the codec takes it for a reference to an array, and for nothing else
    cls = JSON_TYPES.get(kind) if isinstance(kind := held.get("type"), str) else None
    known = {} if cls is None else field_specs(cls)
    for key, value in held.items():
        if key != "type":
            yield str(key), known.get(str(key)), value
