"""A request ready to be sent: JSON, arrays by digest, and files where it names paths."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RequestError
from ..passes import FramePasses
from ..passes.sequence import frame_paths
from ..requests import Animation, MeshTexture, Request, replace
from ..values import Array

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is sent.

    body: the JSON of the request. arrays, files: by digest. names: digest of each attachment by its name. restore: puts the
    paths back into the request that the result holds.
    """

    body: dict[str, Any]
    arrays: dict[str, Array]
    files: dict[str, Path]
    names: dict[str, str]
    restore: Callable[[Request], Request]


def pack(request: Request) -> Parcel:
    """Make a request ready; the server opens no path, so the files that it names are sent.

    Raises:
        RequestError: a file cannot be read.
    """
    paths, changes = _files_of(request)
    digests = {name: _digest(path) for name, path in paths.items()}
    sent = replace(request, **changes) if changes else request
    original = {field: getattr(request, field) for field in changes}
    return Parcel(
        body=json.loads(sent.to_json()),
        arrays=sent.arrays(),
        files={digests[name]: path for name, path in paths.items()},
        names=digests,
        restore=lambda result: replace(result, **original) if original else result,
    )


def _files_of(request: Request) -> tuple[dict[str, Path], dict[str, Any]]:
    """Files by the names under which they are sent, and the fields that then name them so."""
    if isinstance(request, MeshTexture) and isinstance(request.mesh, str):
        paths, name = _attach(Path(request.mesh), "mesh")
        return paths, {"mesh": name}
    if isinstance(request, Animation):
        return _frames_of(request.passes)
    return {}, {}


def _frames_of(passes: str | tuple[FramePasses | str, ...]) -> tuple[dict[str, Path], dict[str, Any]]:
    if isinstance(passes, str) and "#" not in Path(passes).name:
        paths, name = _attach(Path(passes), "passes")
        return paths, {"passes": name}
    frames = frame_paths(passes) if isinstance(passes, str) else passes
    paths: dict[str, Path] = {}
    names: list[Any] = []
    for index, frame in enumerate(frames):
        if isinstance(frame, FramePasses):
            names.append(frame)
        else:
            found, name = _attach(Path(frame), f"frame{index:06d}")
            paths |= found
            names.append(name)
    return paths, {"passes": tuple(names)} if paths else {}


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
