"""Converters for plain fields: each returns the canonical value or raises `Wrong`."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TypeVar

import numpy as np

from .base import Wrong

S = TypeVar("S")
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def text(value: str) -> str:
    """Any string that can be written as UTF-8."""
    if not isinstance(value, str):
        raise Wrong(f"must be text, got {_got(value)}", "put it in quotes")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Wrong(f"has half of a character pair at {error.start}", "remove it") from error
    return str(value)


def name(value: str) -> str:
    """A string that is not empty."""
    if not text(value).strip():
        raise Wrong("must not be empty", "leave it out for the default")
    return str(value)


def path(value: str | os.PathLike[str]) -> str:
    """A file name as a string."""
    return name(os.fspath(value) if isinstance(value, os.PathLike) else value)


def flag(value: bool) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise Wrong(f"must be True or False, got {_got(value)}")
    return bool(value)


def integer(low: int, high: int) -> Callable[[int], int]:
    """A whole number from `low` to `high`."""

    def convert(value: int) -> int:
        if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
            raise Wrong(f"must be a whole number, got {_got(value)}", f"from {low} to {high}")
        whole = operator.index(value)
        if not low <= whole <= high:
            raise Wrong(f"must be from {low} to {high}, got {_got(whole)}")
        return whole

    return convert


def side(value: int) -> int:
    """The width or height of an image: a positive multiple of 8."""
    pixels = integer(8, 16384)(value)
    if pixels % 8:
        below = pixels // 8 * 8
        raise Wrong(f"must be a multiple of 8, got {pixels}", f"use {below} or {below + 8}")
    return pixels


def number(low: float, high: float, *, above: bool = False) -> Callable[[float], float]:
    """A finite number from `low` (not included where `above`) to `high`."""

    def convert(value: float) -> float:
        real = _real(value)
        if not (low < real if above else low <= real) or not real <= high:
            bounds = f"{'greater than' if above else 'from'} {low:g}{' and at most' if above else ' to'} {high:g}"
            raise Wrong(f"must be {bounds}, got {real:g}")
        return real

    return convert


def choice(kind: type[E]) -> Callable[[str], E]:
    """A member of a `StrEnum`, or its value."""

    def convert(value: str) -> E:
        try:
            return kind(value)
        except ValueError:
            options = ", ".join(repr(str(member)) for member in kind)
            raise Wrong(f"is no known choice: {_got(value)}", f"use one of {options}") from None

    return convert


def optional(convert: Callable[[S], T]) -> Callable[[S | None], T | None]:
    """None stays None."""
    return lambda value: None if value is None else convert(value)


def instance(kind: type[T]) -> Callable[[T], T]:
    """An object of this class."""

    def convert(value: T) -> T:
        if not isinstance(value, kind):
            raise Wrong(f"must be {kind.__name__}(...), got {_got(value)}")
        return value

    return convert


def tuple_of(convert: Callable[[S], T]) -> Callable[[Iterable[S]], tuple[T, ...]]:
    """A tuple made from any iterable but a string; the place of a wrong item is named."""

    def convert_all(values: Iterable[S]) -> tuple[T, ...]:
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise Wrong(f"must be a list, got {_got(values)}", "put it in brackets")
        return tuple(_item(convert, index, value) for index, value in enumerate(values))

    return convert_all


def depth_range(value: tuple[float, float]) -> tuple[float, float]:
    """(near, far) in scene units, 0 < near <= far, finite."""
    pair = tuple_of(_real)(value)
    if len(pair) != 2 or not 0 < pair[0] <= pair[1]:
        raise Wrong(f"must be (near, far) with 0 < near <= far, got {_got(value)}", "give scene units, as (0.5, 20)")
    return pair[0], pair[1]


def margins(value: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) in px, none negative."""
    sides = tuple_of(integer(0, 16384))(value)
    if len(sides) != 4:
        raise Wrong(f"must be (left, top, right, bottom), got {_got(value)}", "give four numbers of px")
    return sides[0], sides[1], sides[2], sides[3]


def _real(value: float) -> float:
    if isinstance(value, (bool, np.bool_, str, bytes)) or not hasattr(value, "__float__"):
        raise Wrong(f"must be a number, got {_got(value)}")
    try:
        real = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Wrong(f"must be one number, got {_got(value)}") from error
    if not math.isfinite(real):
        raise Wrong(f"must be finite, got {real:g}")
    return real


def _item(convert: Callable[[S], T], index: int, value: S) -> T:
    try:
        return convert(value)
    except Wrong as wrong:
        raise Wrong(f"item {index} {wrong.message}", wrong.hint) from wrong.__cause__


def _got(value: object) -> str:
    try:
        shown = repr(value)
    except ValueError:  # an integer with more digits than Python prints
        shown = f"a huge {type(value).__name__}"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
