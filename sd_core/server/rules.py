"""What a request from a client may hold: no path of this machine, only allowed models, bounded sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RequestError
from ..requests import Animation, Generation, Request, from_json, replace
from ..wire.results import Json
from .settings import Limits

ATTACHMENT = re.compile(r"attachment:([A-Za-z0-9_-]{1,64}\.[A-Za-z0-9]{1,8})")
"""A file sent beside a request, where the request would name a path."""

_TEXT_FIELDS = frozenset({
    "type", "blob", "dtype", "prompt", "negative_prompt", "scheduler", "seamless", "seamless_method", "kind", "fill",
    "noise", "maps", "normal_convention", "position_space",
})  # fmt: skip
"""Fields in which text is text. Anywhere else it would be a path, as requests accept paths for pictures."""

_MODEL_FIELDS = frozenset({"model", "controlnet", "estimator", "path"})
"""Fields that name a model: of a request, a control, an image prompt or a LoRA."""

_FILE_FIELDS = frozenset({"passes", "mesh"})
"""Fields that may name attachments."""


@dataclass(frozen=True, slots=True)
class ModelRules:
    """Which models requests may name; `None` as `allowed`: all.

    names: of the catalogue. allowed: further hub ids, and folders with everything below them.
    """

    names: Collection[str]
    allowed: Collection[str] | None

    def check(self, place: str, name: str) -> None:
        """Raises `RequestError` for a model that is not allowed; no path is opened for that."""
        if self.allowed is None or name in self.names or name in self.allowed:
            return
        path = Path(name)
        folders = [Path(item) for item in self.allowed if Path(item).is_absolute()]
        if path.is_absolute() and any(path.resolve().is_relative_to(folder.resolve()) for folder in folders):
            return
        raise RequestError(
            place,
            f"names a model that this server does not offer: {name!r:.200}",
            hint="see GET /v1/models and /v1/loras, or serve with --allow-model",
        )


def check_json(request: Mapping[str, Any], attachments: Collection[str], models: ModelRules) -> None:
    """Check the raw JSON of a request, before anything of it is decoded.

    Raises:
        RequestError: a path, a model that is not allowed, an attachment that was not sent.
    """
    for place, field, text in _texts(request, "", "", 0):
        if field in _MODEL_FIELDS:
            models.check(place, text)
        elif field in _FILE_FIELDS:
            match = ATTACHMENT.fullmatch(text)
            if match is None or match[1] not in attachments:
                raise RequestError(place, "names a file that was not sent", hint="send it as an attachment")
        elif field not in _TEXT_FIELDS:
            raise RequestError(place, "is text where an array belongs", hint="send the array as a blob")


def decode(request: Mapping[str, Any], blobs: Path, limits: Limits) -> Request:
    """The request, with its arrays from the blob folder, within the limits.

    Raises:
        RequestError: wrong in any way.
    """
    decoded = from_json(json.dumps(request), folder=blobs)
    check_limits(decoded, limits)
    return decoded


def check_limits(request: Request, limits: Limits) -> None:
    """Refuse what would take the server too long or too much memory.

    Raises:
        RequestError: naming the field.
    """
    size = request.size
    pixels = 0 if size is None else size[0] * size[1] * (request.num_images if isinstance(request, Generation) else 1)
    if pixels > limits.pixels:
        raise RequestError(
            "width", f"asks for {pixels} px, more than {limits.pixels}", hint="use a smaller size or num_images"
        )
    if isinstance(request, Generation):
        for field in ("prompt", "negative_prompt"):
            if len(getattr(request, field)) > limits.prompt:
                raise RequestError(field, f"is longer than {limits.prompt} characters", hint="shorten it")
    if isinstance(request, Animation) and not isinstance(request.passes, str) and len(request.passes) > limits.frames:
        raise RequestError("passes", f"has more than {limits.frames} frames", hint="split the animation")


def grouping_model(request: Request, default: str) -> str | None:
    """The model by which jobs are grouped; None where none is used."""
    return request.model or default if isinstance(request, Generation) else None


def with_files(request: Request, files: Mapping[str, Path]) -> Request:
    """The request with attachments replaced by the paths where they lie."""
    return _with_names(request, {f"attachment:{name}": str(path) for name, path in files.items()})


def without_files(request: Request, files: Mapping[str, Path]) -> Request:
    """The inverse of `with_files`: no path of this machine goes back to a client."""
    return _with_names(request, {str(path): f"attachment:{name}" for name, path in files.items()})


def _with_names(request: Request, names: Mapping[str, str]) -> Request:
    for field in _FILE_FIELDS & set(request.__dataclass_fields__):  # type: ignore[attr-defined]
        held = getattr(request, field)
        if isinstance(held, str):
            request = replace(request, **{field: names.get(held, held)})
        elif isinstance(held, tuple):
            request = replace(request, **{field: tuple(names.get(x, x) if isinstance(x, str) else x for x in held)})
    return request


def _texts(data: Json, place: str, field: str, depth: int) -> Iterator[tuple[str, str, str]]:
    """(place, field, text) of every text in JSON."""
    if isinstance(data, str):
        yield place, field, data
    elif depth > 32:
        raise RequestError("json", "is nested too deeply", hint="send what to_json gives")
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _texts(value, f"{place}.{key}" if place else str(key), str(key), depth + 1)
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _texts(item, f"{place}[{index}]", field, depth + 1)
