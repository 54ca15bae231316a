"""The fields of requests and their parts, with their descriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from types import MappingProxyType
from typing import Any

from .about import About
from .base import Value
from .checks import (
    choice,
    depth_range,
    flag,
    instance,
    integer,
    margins,
    name,
    number,
    optional,
    side,
    text,
    tuple_of,
)
from .pictures import as_control, as_mask, as_picture
from .roles import Role

_ROLES: Mapping[Callable[[Any], Any], Role] = MappingProxyType(
    {
        text: Role.TEXT,
        name: Role.TEXT,
        flag: Role.SWITCH,
        side: Role.NUMBER,
        margins: Role.NUMBER,
        depth_range: Role.NUMBER,
        as_picture: Role.ARRAY,
        as_control: Role.ARRAY,
        as_mask: Role.ARRAY,
    }
)
_SHAPES: Mapping[Callable[[Any], Any], str] = MappingProxyType(
    {
        as_picture: "(h, w, 3|4) uint8 or float32 in [0, 1], sRGB-encoded",
        as_control: "(h, w, 3) uint8 or float32 in [0, 1], sRGB-encoded",
        as_mask: "(h, w) float32 in [0, 1], 1 = repaint",
    }
)
_ROLES_BY_TYPE: Mapping[type, Role] = MappingProxyType(
    {choice: Role.CHOICE, integer: Role.NUMBER, number: Role.NUMBER, instance: Role.PART}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """A field of a request or of a part.

    Attributes:
        name: in Python and in JSON.
        about: its description.
        role: what it holds, or each item of it.
        convert: the converter of a value that is not None.
        item: that of each item, where `many`; else the same.
        optional: None is allowed, and stands for `about.unset`.
        many: it holds a tuple of such values.
        default: `dataclasses.MISSING` where a value must be given.
    """

    name: str
    about: About
    role: Role
    convert: Callable[[Any], Any]
    item: Callable[[Any], Any]
    optional: bool
    many: bool
    default: Any

    @property
    def label(self) -> str:
        """Its name for people."""
        return self.about.label

    @property
    def is_required(self) -> bool:
        """Whether there is no default."""
        return self.default is MISSING

    @property
    def is_plain(self) -> bool:
        """Whether text in it is only text, or one of its choices."""
        return self.role in (Role.TEXT, Role.CHOICE)

    @property
    def part(self) -> type[Value] | None:
        """The class of the part, or parts, that it holds."""
        return self.item.kind if isinstance(self.item, instance) and issubclass(self.item.kind, Value) else None

    @property
    def accepts(self) -> str:
        """Range, choices, or shape of its values; empty where there is nothing to say."""
        return _accepts(self.item)

    @property
    def help(self) -> str:
        """What it is, with range and unit, as one sentence with a full stop."""
        limits = _accepts(self.item) if self.role is Role.NUMBER else ""
        bracket = " ".join(filter(None, (limits, self.about.unit)))
        return f"{self.about.help}{f' ({bracket})' if bracket else ''}."


@cache
def field_specs(kind: type[Value]) -> Mapping[str, FieldSpec]:
    """The fields of a request, or of a part of one, in order, by name.

    Raises:
        TypeError: a field without a description, or whose role cannot be derived; a fault of the class, not of a value.
    """
    return MappingProxyType({field.name: _spec(kind, field) for field in fields(kind)})  # type: ignore[arg-type]


def walk_specs(kind: type[Value]) -> Iterator[tuple[type[Value], FieldSpec]]:
    """Every field of a class and of the parts in it, each class once."""
    waiting, seen = [kind], set[type[Value]]()
    while waiting:
        owner = waiting.pop()
        if owner in seen:
            continue
        seen.add(owner)
        for spec in field_specs(owner).values():
            yield owner, spec
            waiting += [spec.part] if spec.part else []


def _accepts(convert: Callable[[Any], Any]) -> str:
    match convert:
        case integer(low=low, high=high) | number(low=low, high=high, above=False):
            return f"{low:g} to {high:g}" if isinstance(convert, number) else f"{low} to {high}"
        case number(low=low, high=high):
            return f"above {low:g} to {high:g}"
        case choice(kind=kind):
            return f"one of {', '.join(repr(str(member)) for member in kind)}"
        case instance(kind=kind) if issubclass(kind, Value):
            return f"`{kind.__name__}`"
        case _:
            return _SHAPES.get(convert, "")


def _spec(owner: type[Value], field: Field[Any]) -> FieldSpec:
    converter, about = field.metadata["converter"], field.metadata.get("about")
    if not isinstance(about, About):
        raise TypeError(f"{owner.__name__}.{field.name} has no description: give option(about=About(...))")
    may_be_none = isinstance(converter, optional)
    if may_be_none and not about.unset:
        raise TypeError(f"{owner.__name__}.{field.name} may be None: say in About(unset=...) what that stands for")
    convert = converter.convert if may_be_none else converter
    many = isinstance(convert, tuple_of)
    item = convert.convert if many else convert
    role = field.metadata.get("role") or _ROLES_BY_TYPE.get(type(item)) or _ROLES.get(item)
    if role is None:
        raise TypeError(f"{owner.__name__}.{field.name} has no role: give option(role=Role....)")
    return FieldSpec(
        name=field.name, about=about, role=role, convert=convert, item=item, optional=may_be_none, many=many,
        default=field.default,
    )  # fmt: skip
