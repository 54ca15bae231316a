"""Checked values, such as requests, as JSON. Nothing unknown is accepted, and nothing is ever unpickled."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..error_codes import ErrorCode
from ..errors import RequestError
from .arrays import Array, array_digest, freeze, load_array
from .base import JSON_TYPES, Value
from .fields import field_specs
from .roles import Role

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAX_DEPTH = 12
"""Requests nest five deep; beyond this the text is hostile or broken."""


@dataclass(frozen=True, slots=True)
class ArraySource:
    """Where the arrays of a value are found."""

    by_digest: Mapping[str, Array]
    folder: Path | None

    @classmethod
    def of(cls, arrays: Mapping[str, Array] | None, folder: str | os.PathLike[str] | None) -> ArraySource:
        """Arrays by digest, and a folder for those that are not among them, as `<sha256>.npy`."""
        return cls(arrays or {}, None if folder is None else Path(folder))

    def find(self, field_path: str, reference: Mapping[str, Any]) -> Array:
        """The array of a reference at this place; raises `RequestError` where it is missing or altered."""
        digest = reference["blob"]
        if set(reference) != {"blob", "dtype", "shape"} or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise RequestError(
                field_path, "is no array reference", hint='give {"blob": sha256, "dtype": ..., "shape": [...]}'
            )
        array = self._read(field_path, digest)
        if array_digest(array) != digest:
            raise RequestError(
                field_path, f"the array given for {digest[:12]} has another content", hint="send it again"
            )
        if [array.dtype.name, list(array.shape)] != [reference["dtype"], reference["shape"]]:
            raise RequestError(
                field_path, f"the array is {array.dtype.name} {list(array.shape)}", hint="correct dtype and shape"
            )
        return array

    def _read(self, field_path: str, digest: str) -> Array:
        if digest in self.by_digest:
            return freeze(self.by_digest[digest])
        if self.folder is not None and (self.folder / f"{digest}.bin").is_file():
            raise RequestError(
                field_path, f"the bytes of {digest[:12]} are no .npy file", hint="write it with numpy.save"
            )
        if self.folder is None or not (self.folder / f"{digest}.npy").is_file():
            where = "" if self.folder is None else f" in {self.folder}"
            raise RequestError(
                field_path,
                f"the array {digest[:12]} is missing{where}",
                hint="keep the .inputs folder, or pass arrays=",
            )
        return load_array(self.folder / f"{digest}.npy")


def encode(value: Value) -> dict[str, Any]:
    """A value as JSON has it: `{"type": ..., fields}`, arrays by reference."""
    pairs = {spec.name: encode_field(getattr(value, spec.name)) for spec in fields(value)}  # type: ignore[arg-type]
    return {"type": type(value).__name__, **pairs}


def encode_field(content: object) -> object:
    """The content of a field as JSON has it, arrays by reference."""
    if isinstance(content, np.ndarray):
        return {"blob": array_digest(content), "dtype": content.dtype.name, "shape": list(content.shape)}
    if isinstance(content, Value):
        return encode(content)
    return [encode_field(item) for item in content] if isinstance(content, tuple) else content


def decode_field(data: object, field: str) -> object:
    """The content that `encode_field` gave for a field; of one without arrays.

    Raises:
        RequestError: an unknown type, a wrong value inside a part, an array.
    """
    return _decode(data, ArraySource({}, None), field, 1)


def decode_value(data: dict[str, Any], arrays: ArraySource) -> Value:
    """The value that `encode` gave; its class must have been imported.

    Raises:
        RequestError: an unknown type or field, a wrong value (`field` says where), a missing or altered array.
    """
    return _decode_value(data, arrays, "", 0)


def parse(text: str | bytes) -> object:
    """JSON, with finite numbers alone and no name twice.

    Raises:
        RequestError: it cannot be read.
    """
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


def _decode(data: object, arrays: ArraySource, field_path: str, depth: int) -> object:
    if depth > _MAX_DEPTH:
        raise RequestError("json", "is nested too deeply", hint="send what to_json gives")
    if isinstance(data, list):
        return tuple(_decode(item, arrays, f"{field_path}[{index}]", depth + 1) for index, item in enumerate(data))
    if not isinstance(data, dict):
        return data
    return (
        arrays.find(field_path, data)
        if field_path and "blob" in data
        else _decode_value(data, arrays, field_path, depth)
    )


def _decode_value(data: dict[str, Any], arrays: ArraySource, field_path: str, depth: int) -> Value:
    inside = f"{field_path}." if field_path else ""
    cls = JSON_TYPES.get(name) if isinstance(name := data.get("type"), str) else None
    if cls is None:
        raise RequestError(
            f"{inside}type", f"is no known type: {name!r:.60}", hint=f"use one of {', '.join(JSON_TYPES)}"
        )
    given = {key: value for key, value in data.items() if key != "type"}
    _check_names(cls, given, inside)
    values = {key: _decode(value, arrays, f"{inside}{key}", depth + 1) for key, value in given.items()}
    try:
        return cls(**values)
    except RequestError as error:
        raise RequestError(f"{inside}{error.field}", error.message, hint=error.hint, code=error.code) from error


def _check_names(cls: type[Value], given: dict[str, Any], inside: str) -> None:
    known = field_specs(cls)
    for name, value in given.items():
        if name not in known:
            hint = f"it has {', '.join(known)}; a newer version of sd_core may have more"
            raise RequestError(
                f"{inside}{name[:60]}", f"is no field of {cls.__name__}", hint=hint, code=ErrorCode.UNKNOWN_FIELD
            )
        if isinstance(value, str) and known[name].role is Role.ARRAY:
            # A path is welcome from the user of this process, but JSON comes from anywhere.
            raise RequestError(
                f"{inside}{name}", "must be an array reference, not a path", hint='give {"blob": sha256, ...}'
            )
    for name, spec in known.items():
        if spec.is_required and name not in given:
            raise RequestError(f"{inside}{name}", "is missing", hint=f"{cls.__name__} needs it")
