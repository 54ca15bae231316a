"""The base of requests and their parts: checked on construction, compared by content."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import MISSING, fields
from typing import Any, Self, TypeVar

import numpy as np

from ..errors import RequestError
from .arrays import array_digest

V = TypeVar("V", bound="Value")

JSON_TYPES: dict[str, type[Value]] = {}
"""Every class of values that JSON may name: filled by `value` and `part`."""


class InvalidValue(ValueError):
    """Raised by a field's converter, which does not know the field's name; becomes a `RequestError`."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Value:
    """Base of every checked value: equality and hash by content, arrays by the SHA-256 of their `.npy` bytes."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for spec in fields(self):  # type: ignore[arg-type]
            try:
                converted = spec.metadata["converter"](getattr(self, spec.name))
            except InvalidValue as wrong:
                raise RequestError(spec.name, wrong.message, hint=wrong.hint) from wrong.__cause__
            object.__setattr__(self, spec.name, converted)
        self._check()

    def _check(self) -> None:
        """Rules that join several fields; raises `RequestError`."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array in this value and in its parts, by digest."""
        return {array_digest(found): found for found in _arrays(self)}

    def changed_fields(self) -> dict[str, Any]:
        """The fields that differ from their defaults, in order; those without a default always."""
        pairs = ((spec, getattr(self, spec.name)) for spec in fields(self))  # type: ignore[arg-type]
        return {
            spec.name: value for spec, value in pairs if spec.default is MISSING or _key(value) != _key(spec.default)
        }

    def replace(self, **changes: object) -> Self:
        """A copy with some fields changed, checked again.

        Raises:
            RequestError: a name that is no field, or a wrong value.
        """
        names = [spec.name for spec in fields(self)]  # type: ignore[arg-type]
        for name in changes:
            if name not in names:
                raise RequestError(name, f"is no field of {type(self).__name__}", hint=f"it has {', '.join(names)}")
        return type(self)(**{name: getattr(self, name) for name in names} | changes)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return _key(self) == _key(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(_key(self))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={_short(value)}" for name, value in self.changed_fields().items())
        return f"{type(self).__name__}({inside})"


def replace(original: V, **changes: object) -> V:
    """`original.replace(...)` as a function: a copy of a request or of one of its parts with some fields changed, checked again.

    Raises:
        RequestError: a name that is no field, or a wrong value.

    Examples:
        >>> from sd_core import TextToImage
        >>> replace(TextToImage(prompt="a lighthouse", seed=7), seed=8).seed
        8
    """
    return original.replace(**changes)


def _arrays(content: object) -> Iterator[np.ndarray]:
    if isinstance(content, np.ndarray):
        yield content
    elif isinstance(content, Value):
        for spec in fields(content):  # type: ignore[arg-type]
            yield from _arrays(getattr(content, spec.name))
    elif isinstance(content, tuple):
        for item in content:
            yield from _arrays(item)


def _key(content: object) -> Hashable:
    if isinstance(content, np.ndarray):
        return ("array", array_digest(content))
    if isinstance(content, Value):
        return (type(content).__name__, *(_key(getattr(content, spec.name)) for spec in fields(content)))  # type: ignore[arg-type]
    return tuple(_key(item) for item in content) if isinstance(content, tuple) else content


def _short(content: object) -> str:
    if isinstance(content, np.ndarray):
        return f"<{'x'.join(map(str, content.shape))} {content.dtype} {array_digest(content)[:8]}>"
    if isinstance(content, tuple):
        return f"({', '.join(map(_short, content))}{',' if len(content) == 1 else ''})"
    return repr(str(content)) if isinstance(content, str) else repr(content)
