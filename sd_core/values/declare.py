"""How requests and their parts are declared: frozen dataclasses whose fields are checked, described and documented."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass
from typing import Any, TypeVar, cast, dataclass_transform, overload

from .about import About
from .base import JSON_TYPES, Value
from .fields import FieldSpec, field_specs
from .roles import Role

S = TypeVar("S")
T = TypeVar("T")


@overload
def field(*, about: About, converter: Callable[[S], T], role: Role | None = None) -> T: ...
@overload
def field(*, about: About, converter: Callable[[S], T], default: S, role: Role | None = None) -> T: ...
def field(*, about: About, converter: Callable[[Any], Any], default: Any = MISSING, role: Role | None = None) -> Any:
    """A dataclass field whose value is checked, and made canonical, by `converter`.

    Args:
        about: its description.
        converter: gives the canonical value, or raises `InvalidValue`.
        default: the value of a field that is left out.
        role: needed where the converter does not tell: text that names a model or a file, arrays.
    """
    return dataclasses.field(default=default, metadata={"about": about, "converter": converter, "role": role})


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False, field_specifiers=(field,))
def keyword_only(cls: type[T]) -> type[T]:
    """Class decorator: a frozen, slotted, keyword-only dataclass (for a subclass of `Value`), which JSON may name."""
    return _register(abstract(cls))


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False, field_specifiers=(field,))
def abstract(cls: type[T]) -> type[T]:
    """As `keyword_only`, for a class that only others are made from: JSON may not name it."""
    return _document(dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)(cls))


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def positional(cls: type[T]) -> type[T]:
    """As `keyword_only`, but the fields may be given by position."""
    return _register(_document(dataclass(frozen=True, slots=True, eq=False, repr=False)(cls)))


def _register(cls: type[T]) -> type[T]:
    known = JSON_TYPES.setdefault(cls.__name__, cast("type[Value]", cls))
    if known.__module__ != cls.__module__:
        raise TypeError(f"{cls.__name__} is the name of two classes: of {known.__module__} and of {cls.__module__}")
    JSON_TYPES[cls.__name__] = cast("type[Value]", cls)
    return cls


def _document(cls: type[T]) -> type[T]:
    """Add the fields to the docstring: they are described where they are declared, and nowhere else."""
    specs = field_specs(cast("type[Value]", cls)).values()
    if cls.__doc__ and specs:
        cls.__doc__ = "\n".join([inspect.cleandoc(cls.__doc__), "", "Attributes:", *map(_line, specs)])
    return cls


def _line(spec: FieldSpec) -> str:
    accepts = "" if spec.role is Role.NUMBER or not spec.accepts else f"{spec.accepts[0].upper()}{spec.accepts[1:]}."
    unset = f"None: {spec.about.unset}." if spec.optional else ""
    default = "" if spec.is_required or spec.default is None else f"Default: {_short(spec.default)}."
    return f"    {spec.name}: {' '.join(filter(None, (spec.help, accepts, unset, default)))}"


def _short(default: object) -> str:
    if isinstance(default, str):
        return repr(str(default))
    return f"({', '.join(map(_short, default))})" if isinstance(default, tuple) else repr(default)
