"""A request ready to be sent: JSON, arrays by digest, and files where it names paths."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RequestError
from ..passes.sequence import frame_paths
from ..requests import Request, replace
from ..values import Array, Role, field_specs

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is sent.

    body: the JSON of the request. arrays, files: by digest. names: digest of each attachment by its name. restore: puts the
    paths back into the request that the result holds.
    """

    body: dict[str, Any]
    arrays: dict[str, Array]
    files: dict[str, Path]
    names: dict[str, str]
    restore: Callable[[Request], Request]


def submission_of(request: Request) -> Submission:
    """Make a request ready; the server opens no path, so the files that it names are sent.

    Raises:
        RequestError: a file cannot be read.
    """
    paths, changes = _files_of(request)
    digests = {name: _digest(path) for name, path in paths.items()}
    sent = replace(request, **changes) if changes else request
    original = {field: getattr(request, field) for field in changes}
    return Submission(
        body=json.loads(sent.to_json()),
        arrays=sent.arrays(),
        files={digests[name]: path for name, path in paths.items()},
        names=digests,
        restore=lambda result: replace(result, **original) if original else result,
    )


def _files_of(request: Request) -> tuple[dict[str, Path], dict[str, Any]]:
    """Files by the names under which they are sent, and the fields that then name them so."""
    paths: dict[str, Path] = {}
    changes: dict[str, Any] = {}
    for field, spec in field_specs(type(request)).items():
        if spec.role is Role.FILE:
            found, content = _files_in(field, getattr(request, field))
            paths |= found
            changes |= {field: content} if found else {}
    return paths, changes


def _files_in(field: str, content: object) -> tuple[dict[str, Path], object]:
    """The files that one field names, and what it holds when they are sent: one file, a pattern, or a tuple."""
    if isinstance(content, str) and "#" not in Path(content).name:
        return _attach(Path(content), field)
    if not isinstance(content, (str, tuple)):
        return {}, content
    paths: dict[str, Path] = {}
    names: list[object] = []
    for index, item in enumerate(frame_paths(content) if isinstance(content, str) else content):
        found, name = _attach(Path(item), f"frame{index:06d}") if isinstance(item, (str, Path)) else ({}, item)
        paths |= found
        names.append(name)
    return paths, tuple(names)


def _attach(path: Path, stem: str) -> tuple[dict[str, Path], str]:
    """The file, and the sidecar with its camera, under one stem."""
    name = f"{stem}{path.suffix.lower()}"
    paths = {name: path}
    sidecar = path.with_suffix(".json")
    if sidecar != path and sidecar.is_file():
        paths[f"{stem}.json"] = sidecar
    return paths, f"attachment:{name}"


def _digest(path: Path) -> str:
    sha = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                sha.update(piece)
    except OSError as error:
        raise RequestError(str(path), f"cannot be read: {error.strerror}", hint="check the path") from error
    return sha.hexdigest()
