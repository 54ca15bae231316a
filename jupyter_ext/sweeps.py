"""Sweeps: one request for each combination of values, all with the same seed."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sd_core.errors import RequestError
from sd_core.requests import Generation, Request, replace
from sd_core.requests.generation import MAX_SEED
from sd_core.requests.registry import kind_of
from sd_core.values import FieldSpec
from sd_core.values.checks import integer, number

from .fields import shown_fields

MAX_CELLS = 400


@dataclass(frozen=True, slots=True)
class Axis:
    """A field and the values that it takes."""

    field: str
    values: tuple[Any, ...]

    @property
    def labels(self) -> list[str]:
        """The values as they are shown."""
        return [f"{value:g}" if isinstance(value, float) else str(value)[:40] for value in self.values]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Up to three axes: columns, rows, and pages of such grids."""

    columns: Axis
    rows: Axis | None = None
    pages: Axis | None = None

    @property
    def page_size(self) -> int:
        """Cells of one grid."""
        return len(self.columns.values) * (len(self.rows.values) if self.rows else 1)

    def requests(self, base: Request) -> list[Request]:
        """A request for each cell: page by page, row by row.

        Raises:
            RequestError: a value that the field does not accept, or too many cells.
        """
        axes = [axis for axis in (self.pages, self.rows, self.columns) if axis is not None]
        count = self.page_size * (len(self.pages.values) if self.pages else 1)
        if not 0 < count <= MAX_CELLS:
            raise RequestError("sweep", f"has {count} images", hint=f"1 to {MAX_CELLS} are allowed")
        base = with_seed(base)
        return [replace(base, **cell) for cell in _combinations(axes)]


def make_sweep(values: dict[str, Iterable[Any]]) -> Sweep:
    """The sweep of up to three fields: columns first, then rows, then pages.

    Raises:
        RequestError: none, or more than three.
    """
    return sweep_of([Axis(field, tuple(given)) for field, given in values.items()])


def sweep_of(axes: Sequence[Axis]) -> Sweep:
    """The sweep of one to three axes.

    Raises:
        RequestError: none, or more than three.
    """
    if not 1 <= len(axes) <= 3:
        raise RequestError(
            "sweep", f"varies {len(axes)} fields", hint="enter values for one to three fields, such as 4, 8, 16"
        )
    return Sweep(*axes)


def with_seed(request: Request) -> Request:
    """The request with a seed, so that everything made of it begins with the same noise."""
    if not isinstance(request, Generation) or request.seed is not None:
        return request
    return replace(request, seed=secrets.randbelow(MAX_SEED - 1000))


def variations(request: Request, count: int = 4) -> Sweep:
    """The sweep of the seeds after that of an image.

    Raises:
        RequestError: its kind of request has no seed.
    """
    if not isinstance(request, Generation):
        raise RequestError(
            "seed", f"{kind_of(request).title} has no seed, so there are no variations", hint="choose another mode"
        )
    first = (request.seed or 0) + 1
    return make_sweep({"seed": range(first, first + count)})


def read_axis(kind: type[Request], field: str, entered: str) -> Axis:
    """The axis of what a user typed: `4, 8, 16`, or `1-4` for whole numbers, or texts between `|`.

    Raises:
        RequestError: there is no such field, or a word is no value of it.
    """
    spec = shown_fields(kind).get(field)
    if spec is None:
        raise RequestError(field, f"is no field of {kind_of(kind).title}", hint="choose one from the list")
    read = _parser_of(spec.convert)
    pieces = entered.split("|" if "|" in entered or read is str else ",")
    try:
        values = tuple(value for piece in pieces if piece.strip() for value in _parse_values(piece.strip(), read))
    except ValueError as error:
        raise RequestError(field, f"cannot take {entered!r}", hint="write 4, 8, 16 or 1-4; texts between |") from error
    return Axis(field, values)


def sweepable_fields(kind: type[Request]) -> Sequence[FieldSpec]:
    """The fields whose values can be typed."""
    return [spec for spec in shown_fields(kind).values() if _parser_of(spec.convert) is not None]


def _parser_of(convert: Any) -> Callable[[str], Any] | None:
    from sd_core.values import checks

    if isinstance(convert, integer) or convert is checks.side:
        return int
    if isinstance(convert, number):
        return float
    return str if isinstance(convert, checks.choice) or convert in (checks.text, checks.name, checks.path) else None


def _parse_values(piece: str, read: Callable[[str], Any] | None) -> list[Any]:
    if read is None:
        raise ValueError(piece)
    first, dash, last = piece.partition("-")
    if read is int and dash and first.strip():
        return list(range(int(first), int(last) + 1))
    return [read(piece)]


def _combinations(axes: list[Axis]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*(axis.values for axis in axes)):
        yield {axis.field: value for axis, value in zip(axes, values, strict=True)}
