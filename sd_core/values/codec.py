"""Checked values, such as requests, as JSON. Nothing unknown is accepted, and nothing is ever unpickled."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..errors import RequestError
from .arrays import Array, array_digest, freeze, load_array
from .base import KINDS, Value

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAX_DEPTH = 12
"""Requests nest five deep; beyond this the text is hostile or broken."""


def to_json(held: Value, *, indent: int | None = None) -> str:
    """Every field of a value, also those at their defaults, so that a later version means the same by it."""
    return json.dumps(encode(held), indent=indent, allow_nan=False)


def read_json(
    text: str | bytes,
    arrays: Mapping[str, Array] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> object:
    """The value that `to_json` wrote; its class must have been imported.

    Args:
        text: JSON.
        arrays: the arrays by digest, as `Value.arrays` gives them.
        folder: where those not in `arrays` are looked for, as `<sha256>.npy`; a server has all other bytes as `<sha256>.bin`.

    Raises:
        RequestError: no JSON, an unknown type or field, a wrong value (`field` says where), a missing or altered array.
    """
    return _decode(_parse(text), _Arrays(arrays or {}, None if folder is None else Path(folder)), "", 0)


@dataclass(frozen=True, slots=True)
class _Arrays:
    """Where the arrays of a value are found."""

    given: Mapping[str, Array]
    folder: Path | None

    def find(self, place: str, reference: Mapping[str, Any]) -> Array:
        digest = reference["blob"]
        if set(reference) != {"blob", "dtype", "shape"} or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise RequestError(
                place, "is no array reference", hint='give {"blob": sha256, "dtype": ..., "shape": [...]}'
            )
        array = self._read(place, digest)
        if array_digest(array) != digest:
            raise RequestError(place, f"the array given for {digest[:12]} has another content", hint="send it again")
        if [array.dtype.name, list(array.shape)] != [reference["dtype"], reference["shape"]]:
            raise RequestError(
                place, f"the array is {array.dtype.name} {list(array.shape)}", hint="correct dtype and shape"
            )
        return array

    def _read(self, place: str, digest: str) -> Array:
        if digest in self.given:
            return freeze(self.given[digest])
        if self.folder is not None and (self.folder / f"{digest}.bin").is_file():
            raise RequestError(place, f"the bytes of {digest[:12]} are no .npy file", hint="write it with numpy.save")
        if self.folder is None or not (self.folder / f"{digest}.npy").is_file():
            where = "" if self.folder is None else f" in {self.folder}"
            raise RequestError(
                place, f"the array {digest[:12]} is missing{where}", hint="keep the .inputs folder, or pass arrays="
            )
        return load_array(self.folder / f"{digest}.npy")


def encode(held: object) -> object:
    """The value of a field as JSON has it, arrays by reference."""
    if isinstance(held, np.ndarray):
        return {"blob": array_digest(held), "dtype": held.dtype.name, "shape": list(held.shape)}
    if isinstance(held, Value):
        pairs = {spec.name: encode(getattr(held, spec.name)) for spec in fields(held)}  # type: ignore[arg-type]
        return {"type": type(held).__name__, **pairs}
    return [encode(item) for item in held] if isinstance(held, tuple) else held


def decode(data: object, field: str) -> object:
    """The value that `encode` gave for a field; of one without arrays.

    Raises:
        RequestError: an unknown type, a wrong value inside a part, an array.
    """
    return _decode(data, _Arrays({}, None), field, 1)


def _parse(text: str | bytes) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RequestError:
        raise
    except RecursionError as error:
        raise RequestError("json", "is nested too deeply", hint="send what to_json gives") from error
    except (ValueError, TypeError) as error:
        raise RequestError("json", f"cannot be read: {error}", hint="send what to_json gives") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RequestError(twice, "is given twice", hint="give it once")
    return found


def _no_constant(name: str) -> NoReturn:
    raise RequestError("json", f"holds {name}", hint="numbers must be finite")


def _decode(data: object, arrays: _Arrays, place: str, depth: int) -> object:
    if depth > _MAX_DEPTH:
        raise RequestError("json", "is nested too deeply", hint="send what to_json gives")
    if isinstance(data, list):
        return tuple(_decode(item, arrays, f"{place}[{index}]", depth + 1) for index, item in enumerate(data))
    if not isinstance(data, dict):
        if not place:
            raise RequestError("json", "is no object", hint='a request is {"type": ..., ...}')
        return data
    return arrays.find(place, data) if place and "blob" in data else _decode_value(data, arrays, place, depth)


def _decode_value(data: dict[str, Any], arrays: _Arrays, place: str, depth: int) -> Value:
    inside = f"{place}." if place else ""
    cls = KINDS.get(name) if isinstance(name := data.get("type"), str) else None
    if cls is None:
        raise RequestError(f"{inside}type", f"is no known type: {name!r:.60}", hint=f"use one of {', '.join(KINDS)}")
    given = {key: held for key, held in data.items() if key != "type"}
    _check_names(cls, given, inside)
    values = {key: _decode(held, arrays, f"{inside}{key}", depth + 1) for key, held in given.items()}
    try:
        return cls(**values)
    except RequestError as error:
        raise RequestError(f"{inside}{error.field}", error.message, hint=error.hint) from error


def _check_names(cls: type[Value], given: dict[str, Any], inside: str) -> None:
    known = {spec.name: spec for spec in fields(cls)}  # type: ignore[arg-type]
    for name, held in given.items():
        if name not in known:
            raise RequestError(
                f"{inside}{name[:60]}", f"is no field of {cls.__name__}", hint=f"it has {', '.join(known)}"
            )
        if isinstance(held, str) and str(known[name].type).startswith("Array"):
            # A path is welcome from the user of this process, but JSON comes from anywhere.
            raise RequestError(
                f"{inside}{name}", "must be an array reference, not a path", hint='give {"blob": sha256, ...}'
            )
    for name, spec in known.items():
        if spec.default is MISSING and name not in given:
            raise RequestError(f"{inside}{name}", "is missing", hint=f"{cls.__name__} needs it")
