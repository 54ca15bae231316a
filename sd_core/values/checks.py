"""Converters for plain fields: each returns the canonical value or raises `InvalidValue`.

Those with settings are small values, so that a front end can ask a field what it accepts.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np

from .base import InvalidValue

S = TypeVar("S")
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def text(value: str) -> str:
    """Any string that can be written as UTF-8."""
    if not isinstance(value, str):
        raise InvalidValue(f"must be text, got {_got(value)}", "put it in quotes")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(f"has half of a character pair at {error.start}", "remove it") from error
    return str(value)


def name(value: str) -> str:
    """A string that is not empty."""
    if not text(value).strip():
        raise InvalidValue("must not be empty", "leave it out for the default")
    return str(value)


def path(value: str | os.PathLike[str]) -> str:
    """A file name as a string."""
    return name(os.fspath(value) if isinstance(value, os.PathLike) else value)


def flag(value: bool) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidValue(f"must be True or False, got {_got(value)}", "write it without quotes")
    return bool(value)


@dataclass(frozen=True, slots=True)
class integer:  # noqa: N801 - called as a function
    """A whole number from `low` to `high`."""

    low: int
    high: int

    def __call__(self, value: int) -> int:
        if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
            raise InvalidValue(f"must be a whole number, got {_got(value)}", f"from {self.low} to {self.high}")
        whole = operator.index(value)
        if not self.low <= whole <= self.high:
            nearest = self.low if whole < self.low else self.high
            raise InvalidValue(
                f"must be from {self.low} to {self.high}, got {_got(whole)}", f"the nearest is {nearest}"
            )
        return whole


SIDE = integer(8, 16384)
"""Sides of images, px."""


def side(value: int) -> int:
    """The width or height of an image: a positive multiple of 8."""
    pixels = SIDE(value)
    if pixels % 8:
        below = pixels // 8 * 8
        raise InvalidValue(f"must be a multiple of 8, got {pixels}", f"use {below} or {below + 8}")
    return pixels


@dataclass(frozen=True, slots=True)
class number:  # noqa: N801 - called as a function
    """A finite number from `low` (not included where `above`) to `high`."""

    low: float
    high: float
    above: bool = False

    def __call__(self, value: float) -> float:
        real, low, high = _real(value), self.low, self.high
        if not (low < real if self.above else low <= real) or not real <= high:
            bounds = (
                f"{'greater than' if self.above else 'from'} {low:g}{' and at most' if self.above else ' to'} {high:g}"
            )
            nearest = f"more than {low:g}" if self.above and real <= low else f"{low if real < low else high:g}"
            raise InvalidValue(f"must be {bounds}, got {real:g}", f"the nearest is {nearest}")
        return real


@dataclass(frozen=True, slots=True)
class choice(Generic[E]):  # noqa: N801 - called as a function
    """A member of a `StrEnum`, or its value."""

    kind: type[E]

    def __call__(self, value: str) -> E:
        try:
            return self.kind(value)
        except ValueError:
            options = ", ".join(repr(str(member)) for member in self.kind)
            raise InvalidValue(f"is no known choice: {_got(value)}", f"use one of {options}") from None


@dataclass(frozen=True, slots=True)
class optional(Generic[S, T]):  # noqa: N801 - called as a function
    """None stays None."""

    convert: Callable[[S], T]

    def __call__(self, value: S | None) -> T | None:
        return None if value is None else self.convert(value)


@dataclass(frozen=True, slots=True)
class instance(Generic[T]):  # noqa: N801 - called as a function
    """An object of this class."""

    kind: type[T]

    def __call__(self, value: T) -> T:
        if not isinstance(value, self.kind):
            raise InvalidValue(
                f"must be {self.kind.__name__}(...), got {_got(value)}", f"import {self.kind.__name__} from sd_core"
            )
        return value


@dataclass(frozen=True, slots=True)
class tuple_of(Generic[S, T]):  # noqa: N801 - called as a function
    """A tuple made from any iterable but a string; the place of a wrong item is named.

    Attributes:
        convert: the converter of an item.
        if_empty: message and hint of the error for no items; None: it may be empty.
    """

    convert: Callable[[S], T]
    if_empty: tuple[str, str] | None = None

    def __call__(self, values: Iterable[S]) -> tuple[T, ...]:
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise InvalidValue(f"must be a list, got {_got(values)}", "put it in brackets")
        items = tuple(_item(self.convert, index, value) for index, value in enumerate(values))
        if self.if_empty is not None and not items:
            raise InvalidValue(*self.if_empty)
        return items


def depth_range(value: tuple[float, float]) -> tuple[float, float]:
    """(near, far) in scene units, 0 < near <= far, finite."""
    pair = tuple_of(_real)(value)
    if len(pair) != 2 or not 0 < pair[0] <= pair[1]:
        raise InvalidValue(
            f"must be (near, far) with 0 < near <= far, got {_got(value)}", "give scene units, as (0.5, 20)"
        )
    return pair[0], pair[1]


def margins(value: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) in px, none negative."""
    sides = tuple_of(integer(0, 16384))(value)
    if len(sides) != 4:
        raise InvalidValue(f"must be (left, top, right, bottom), got {_got(value)}", "give four numbers of px")
    return sides[0], sides[1], sides[2], sides[3]


_NUMBER = "give a plain number, such as 0.5"


def _real(value: float) -> float:
    if isinstance(value, (bool, np.bool_, str, bytes)) or not hasattr(value, "__float__"):
        raise InvalidValue(f"must be a number, got {_got(value)}", _NUMBER)
    try:
        real = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidValue(f"must be one number, got {_got(value)}", _NUMBER) from error
    if not math.isfinite(real):
        raise InvalidValue(f"must be finite, got {real:g}", _NUMBER)
    return real


def _item(convert: Callable[[S], T], index: int, value: S) -> T:
    try:
        return convert(value)
    except InvalidValue as wrong:
        raise InvalidValue(f"item {index} {wrong.message}", wrong.hint) from wrong.__cause__


def _got(value: object) -> str:
    try:
        shown = repr(value)
    except ValueError:  # an integer with more digits than Python prints
        shown = f"a huge {type(value).__name__}"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
