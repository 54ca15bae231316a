"""The base of every request, and requests as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar

from ..error_codes import ErrorCode
from ..errors import RequestError
from ..values import JSON_TYPES, Array, Value, abstract, field_specs
from ..values.codec import ArraySource, decode_value, encode, encode_field, parse
from ..values.source import to_python

Size = tuple[int, int]
"""(height, width) in px."""

FORMAT = 1
"""Version of the JSON of requests. Raised when a field changes its meaning or goes; a field with a default may be added
without. What older versions wrote is read for ever: `_upgrade`."""


@abstract
class Request(Value):
    """Anything that an engine runs: a frozen value, equal and hashed by content."""

    unused: ClassVar[Mapping[str, str]] = {}
    """Fields that this kind has no use for, with a hint for whoever gives one; front ends do not show them."""

    @property
    def size(self) -> Size | None:
        """(height, width) of the result in px, where the request fixes both."""
        return None

    def to_json(self, *, indent: int | None = None) -> str:
        """`{"type": "ImageToImage", "format": 1, ...}` with every field, also those at their defaults.

        An array is `{"blob": sha256, "dtype", "shape"}`, found in `arrays()`.
        """
        fields = encode(self)
        data = {"type": fields.pop("type"), "format": FORMAT, **fields}
        return json.dumps(data, indent=indent, allow_nan=False)

    def to_python(self, folder: str | os.PathLike[str] = "inputs") -> str:
        """Python source that makes an equal request and names it `request`.

        Args:
            folder: where the source looks for the arrays, `<sha256>.npy` each: the `<stem>.inputs` folder that
                `Result.save` writes, or wherever `save_arrays(request, folder)` put them.
        """
        return to_python(self, os.fspath(folder))


def from_json(
    text: str | bytes,
    arrays: Mapping[str, Array] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Request:
    """The request that `Request.to_json` wrote, with this version or an older one.

    Args:
        text: JSON.
        arrays: the arrays by digest, as `request.arrays()` gives them.
        folder: where those not in `arrays` are looked for, as `<sha256>.npy`; a server has all other bytes as `<sha256>.bin`.

    Raises:
        RequestError: no JSON, of a newer version, an unknown type or field, a wrong value (`field` says where), a missing or
            altered array.

    Examples:
        >>> from sd_core import TextToImage
        >>> from_json(TextToImage(prompt="a lighthouse", seed=7).to_json()).seed
        7
    """
    data = parse(text)
    if not isinstance(data, dict):
        raise RequestError("json", "is no object", hint='a request is {"type": ..., ...}')
    request = decode_value(_upgrade(data), ArraySource.of(arrays, folder))
    if not isinstance(request, Request):
        raise RequestError("type", f"{data.get('type')!r:.60} is no request", hint="send what Request.to_json gives")
    return request


def is_json_of(text: object, request: Request) -> bool:
    """Whether a text, written by this version or an older one, is the JSON of this request; arrays are compared by digest."""
    if not isinstance(text, (str, bytes)):
        return False
    try:
        data = parse(text)
        fields = _upgrade(data) if isinstance(data, dict) else {}
    except RequestError:
        return False
    asked = encode(request)
    known = asked | {
        name: encode_field(spec.default) for name, spec in field_specs(type(request)).items() if not spec.is_required
    }
    return known | fields == asked


def _upgrade(data: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a request in the present format, without its version."""
    fields = dict(data)
    version = fields.pop("format", 0)
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise RequestError(
            "format", f"must be a whole number from 0, got {version!r:.60}", hint=f"this version writes {FORMAT}"
        )
    if version > FORMAT:
        newer = f"is {version}, but this version of sd_core reads formats up to {FORMAT}"
        raise RequestError("format", newer, hint="update sd_core, here and on the server", code=ErrorCode.NEWER_FORMAT)
    if version == 0:  # before there were versions
        _drop_unused(fields)
        if fields.get("type") == "Texture" and fields.get("estimator", "") is None:
            fields["estimator"] = "rule"  # then the only way without a checkpoint
    return fields


def _drop_unused(fields: dict[str, Any]) -> None:
    """Format 0 recorded fields that had no effect on the result; now such a field is refused.

    It recorded all of them, always. JSON without a format that names only some was written by hand: it is checked as usual.
    """
    kind = JSON_TYPES.get(name) if isinstance(name := fields.get("type"), str) else None
    if kind is None or not issubclass(kind, Request):
        return
    recorded = kind.unused.keys() - {"num_images"}
    if recorded <= fields.keys():
        for name in recorded:
            del fields[name]
