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
class ExternalName:
    """place: in the request, such as "loras[0].path". role: what is named. name: as the request has it."""

    field_path: str
    role: Role
    name: str


@dataclass(frozen=True, slots=True)
class RequestText:
    """Text anywhere in a request. field: the one that it stands in; None: in none that a request can have."""

    field_path: str
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


def external_names(request: Request | Mapping[str, Any]) -> list[ExternalName]:
    """What a request, or the JSON of one, names outside itself, in the order of its fields.

    JSON that no request can be made of is the codec's to refuse: it may name less here.

    Raises:
        RequestError: nested too deeply.
    """
    return [
        ExternalName(text.field_path, text.role, text.text) for text in request_texts(request) if text.role is not None
    ]


def request_texts(request: Request | Mapping[str, Any]) -> Iterator[RequestText]:
    """Every text in a request, or in the JSON of one, but for types and references to arrays.

    Raises:
        RequestError: nested too deeply.
    """
    return _texts(request, "", None, 0)


def _texts(content: object, field_path: str, field: FieldSpec | None, depth: int) -> Iterator[RequestText]:
    if isinstance(content, str):
        yield RequestText(field_path, field, content)
    elif depth > _MAX_DEPTH:
        raise RequestError("json", "is nested too deeply", hint="send what to_json gives")
    elif isinstance(content, (tuple, list)):
        for index, item in enumerate(content):
            yield from _texts(item, f"{field_path}[{index}]", field, depth + 1)
    elif isinstance(content, (Value, Mapping)):
        for key, spec, inner in _pairs(content):
            yield from _texts(inner, f"{field_path}.{key}" if field_path else key, spec, depth + 1)


def _pairs(content: Value | Mapping[str, Any]) -> Iterator[tuple[str, FieldSpec | None, object]]:
    """Names, fields and values of a request or a part."""
    if isinstance(content, Value):
        for name, spec in field_specs(type(content)).items():
            yield name, spec, getattr(content, name)
        return
    if "blob" in content:
        return  # the codec takes it for a reference to an array, and for nothing else
    cls = JSON_TYPES.get(kind) if isinstance(kind := content.get("type"), str) else None
    known = {} if cls is None else field_specs(cls)
    for key, value in content.items():
        if key != "type":
            yield str(key), known.get(str(key)), value
