"""What a request from a client may hold: no path of this machine, only allowed models, bounded sizes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import NotAllowed, RequestError
from ..requests import Animation, Generation, Request, from_json, replace
from ..trust import Allowed, Kind, absolute_names, allow_command, external_names, printable, request_texts
from ..values import Role, field_specs
from .settings import Limits, ServerSettings

ATTACHMENT = re.compile(r"attachment:([A-Za-z0-9_-]{1,64}\.[A-Za-z0-9]{1,8})")
"""A file sent with a request, where the request would name a path."""

_DIGEST = re.compile(r"[0-9a-f]{64}")

_SHOWN = 200
"""Characters of a name that an answer repeats."""


def allowed_by(settings: ServerSettings) -> Allowed:
    """What requests may name on this server, whoever sends them and from wherever."""
    return Allowed(home=settings.home, more=absolute_names((settings.model, *settings.allow_models)))


def check_json(request: Mapping[str, Any], attachments: Collection[str], allowed: Allowed) -> None:
    """Check the raw JSON of a request, before anything of it is decoded.

    Raises:
        RequestError: a path, a file that was not sent.
        NotAllowed: a model that is not allowed.
        SDError: what the user has allowed cannot be read.
    """
    for text in request_texts(request):
        if text.role is Role.FILE:
            match = ATTACHMENT.fullmatch(text.text)
            if match is None or match[1] not in attachments:
                raise RequestError(text.field_path, "names a file that was not sent", hint="send it as an attachment")
        elif text.role is None and text.field is not None and not text.is_plain:
            raise RequestError(text.field_path, "is text where an array belongs", hint="send the array as a blob")
    check_models(request, allowed)


def check_models(request: Request | Mapping[str, Any], allowed: Allowed) -> None:
    """Check all that a request names but files.

    Raises:
        NotAllowed: names as the request has them; what they mean on this machine is nobody's business.
        SDError: what the user has allowed cannot be read.
    """
    refused = allowed.refusals(each for each in external_names(request) if each.role is not Role.FILE)
    if not refused:
        return
    names = [
        {
            "place": each.field_path,
            "role": str(each.role),
            "name": (shown := printable(each.name)[:_SHOWN]),
            "shown": shown,
        }
        for each, _ in refused
    ]
    first, places = names[0], [target for _, target in refused]
    here = [name for name, target in zip(names, places, strict=True) if target.kind is not Kind.NOTHING]
    remedy = f"; who runs the server can allow it: {allow_command(here)}" if here else ""
    listed = ", ".join(name["shown"] for name in names)
    raise NotAllowed(
        first["place"],
        f"names a {first['role']} that this server does not offer: {listed}"[: 10 * _SHOWN],
        names=names,
        hint=f"see GET /v1/models and /v1/loras{remedy}",
    )


def decode(request: Mapping[str, Any], blobs: Path, limits: Limits) -> Request:
    """The request, with its arrays from the blob folder, within the limits.

    Raises:
        RequestError: wrong in any way.
    """
    try:
        decoded = from_json(json.dumps(request), folder=blobs)
    except RequestError as error:  # where the home is, is nobody's business
        field, message = (
            text.replace(f" in {blobs}", "").replace(f"{blobs}{os.sep}", "") for text in (error.field, error.message)
        )
        raise RequestError(field, message, hint=error.hint, code=error.code) from error
    check_limits(decoded, limits)
    return decoded


def check_digests(digests: Iterable[str]) -> None:
    """Refuse what cannot be the name of a blob, before anything is looked for.

    Raises:
        RequestError: it is no SHA-256.
    """
    for digest in digests:
        if not _DIGEST.fullmatch(digest):
            raise RequestError(
                "blob", f"is no SHA-256: {printable(digest)[:_SHOWN]!r}", hint="give 64 digits, 0-9 and a-f"
            )


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
    for text in request_texts(request):
        if text.is_plain and len(text.text) > limits.prompt:
            raise RequestError(text.field_path, f"is longer than {limits.prompt} characters", hint="shorten it")
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
    for name, spec in field_specs(type(request)).items():
        if spec.role is not Role.FILE:
            continue
        value = getattr(request, name)
        if isinstance(value, str):
            request = replace(request, **{name: names.get(value, value)})
        elif isinstance(value, tuple):
            items = tuple(names.get(item, item) if isinstance(item, str) else item for item in value)
            request = replace(request, **{name: items})
    return request
