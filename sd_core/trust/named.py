"""Everything that a request names outside itself, as the roles of its fields tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from ..errors import RequestError
from ..requests import Request
from ..requests.registry import PARTS, REQUESTS
from ..values import Role, Value
from ..values.checks import choice, name, optional, text, tuple_of

_CLASSES: Mapping[str, type[Value]] = {cls.__name__: cls for cls in (*REQUESTS, *PARTS)}
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
    field: Field[Any] | None
    text: str

    @property
    def role(self) -> Role | None:
        """What it names; None: nothing."""
        return None if self.field is None else role_of(self.field)

    @property
    def is_plain(self) -> bool:
        """Whether it stands where text is only text."""
        return self.field is not None and is_plain_text(self.field)


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


def role_of(field: Field[Any]) -> Role | None:
    """What text in a field of a request names; None: nothing."""
    return field.metadata.get("role")


def is_plain_text(field: Field[Any]) -> bool:
    """Whether text in a field of a request is only text, or one of its choices."""
    convert = field.metadata.get("converter")
    while isinstance(convert, (optional, tuple_of)):
        convert = convert.convert
    return role_of(field) is None and (convert in (text, name) or isinstance(convert, choice))


def _texts(held: object, place: str, field: Field[Any] | None, depth: int) -> Iterator[Text]:
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


def _pairs(held: Value | Mapping[str, Any]) -> Iterator[tuple[str, Field[Any] | None, object]]:
    """Names, fields and values of a request or a part."""
    if isinstance(held, Value):
        for spec in fields(held):  # type: ignore[arg-type]
            yield spec.name, spec, getattr(held, spec.name)
        return
    if "blob" in held:
        return  # the codec takes it for a reference to an array, and for nothing else
    cls = _CLASSES.get(kind) if isinstance(kind := held.get("type"), str) else None
    known = {} if cls is None else {spec.name: spec for spec in fields(cls)}  # type: ignore[arg-type]
    for key, value in held.items():
        if key != "type":
            yield str(key), known.get(str(key)), value
