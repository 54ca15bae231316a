"""What the frames of an animation were made from, as the manifest notes it: so that a resumed run tells what has changed since.

Sizes and times, no digests: these files may be larger than the memory, and are looked at for every frame.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from sd_core.errors import ModelNotFound
from sd_core.models import Model
from sd_core.models.identity import Identity, identity
from sd_core.models.lora_folder import find_lora
from sd_core.passes import frame_paths
from sd_core.requests import Animation
from sd_core.trust import external_names
from sd_core.values import Role

Mark: TypeAlias = list[list[int] | None]
"""Size in bytes and time of content (ns) of each file of a frame; None for one that is not there."""

_WEIGHTS = (Role.LORA, Role.CONTROLNET, Role.IMAGE_PROMPT, Role.DEPTH_ESTIMATOR)
_NAMED = 5
"""Frames that a sentence names before it says how many more there are."""


class AnimationFiles:
    """The files of one run.

    Args:
        request: resolved.
        model: that runs it.
        noted: what the folder says about frames that an earlier run made; anything, and of an earlier version's nothing.
    """

    def __init__(self, request: Animation, model: Model, noted: object = None) -> None:
        self._request = request
        self._weights = dict(_weights(request, model))
        self._key = hashlib.sha256(json.dumps(self._weights, sort_keys=True).encode()).hexdigest()[:16]
        self._marks = _mapping(noted, "frames")
        self._tables = _mapping(noted, "weights")
        self._seen: dict[int, Mark] = {}

    def note_files(self, index: int) -> None:
        """Note what the files of a frame are, before they are read."""
        self._seen[index] = self._mark(index)

    def commit(self, index: int) -> dict[str, Any]:
        """What is to be noted now that a frame is finished."""
        self._marks[str(index)] = {"weights": self._key, "passes": self._seen.pop(index)}
        used = {_item(mark, "weights") for mark in self._marks.values()}
        tables = {key: table for key, table in self._tables.items() if key in used}
        self._tables = {**tables, self._key: self._weights}
        return {"frames": self._marks, "weights": self._tables}

    def changes(self, kept: Collection[int]) -> Iterator[str]:
        """What has changed since the frames `kept` were made, one sentence for passes and one for weights."""
        marks = {index: mark for index in kept if (mark := self._marks.get(str(index))) is not None}
        passes = [index for index, mark in marks.items() if _item(mark, "passes") != self._mark(index)]
        if passes:
            yield (
                f"the passes of {_list_frames(passes)} have changed since they were made: these frames are kept; "
                f"{_frames_to_render(passes)} to have them generated again"
            )
        weights = [index for index, mark in marks.items() if _item(mark, "weights") != self._key]
        if weights:
            tables = [self._tables.get(_item(marks[index], "weights")) for index in weights]
            names = [
                name
                for name, description in self._weights.items()
                if any(_item(notes, name) != description for notes in tables)
            ]
            yield (
                f"{' and '.join(names) or 'a model'} changed since {_list_frames(weights)} were made: these frames are kept, "
                "the others are made with the new files; --overwrite (overwrite=True) generates all of them again"
            )

    def _mark(self, index: int) -> Mark:
        return [_stat(path) for path in self._files(index)]

    @cached_property
    def _files(self) -> Callable[[int], tuple[Path, ...]]:
        """Gives the files of a frame: none where it is given as arrays."""
        passes = self._request.passes
        if not isinstance(passes, str):
            return lambda index: _with_sidecar(Path(item)) if isinstance(item := passes[index], str) else ()
        if "#" not in Path(passes).name:
            return lambda _: _with_sidecar(Path(passes))
        paths = frame_paths(passes)
        return lambda index: _with_sidecar(paths[index])


def _with_sidecar(path: Path) -> tuple[Path, ...]:
    return (path, path.with_suffix(".json")) if path.suffix.lower() == ".exr" else (path,)


def _stat(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None  # who reads it says why
    return [status.st_size, status.st_mtime_ns]


def _weights(request: Animation, model: Model) -> Iterator[tuple[str, str]]:
    """What is used besides the passes, as a sentence names it, and what its files are."""
    yield f"the model {model.name}", _describe_files(model.identity)
    for external in external_names(request):
        if external.role in _WEIGHTS:
            path = _path(external.role, external.name)
            yield f"the {external.role} {external.name}", _describe_files(identity([path]))


def _path(role: Role, name: str) -> Path:
    """Where it lies; what is on a hub goes by its name."""
    try:
        return find_lora(name) if role is Role.LORA else Path(name).expanduser()
    except ModelNotFound:
        return Path(name)  # who loads it says why


def _describe_files(files: Identity) -> str:
    """Of names, sizes and times: where the folder lies, and on which disk, makes no other model."""
    descriptions = [(Path(name).name, size, changed) for name, _, _, size, changed, _ in files]
    return hashlib.sha256(json.dumps(sorted(descriptions)).encode()).hexdigest()[:16]


def _list_frames(frames: Collection[int]) -> str:
    named = ", ".join(map(str, sorted(frames)[:_NAMED]))
    more = f" and {len(frames) - _NAMED} more" if len(frames) > _NAMED else ""
    return f"frame{'s' if len(frames) > 1 else ''} {named}{more}"


def _frames_to_render(frames: Collection[int]) -> str:
    return f"delete their pictures (frames/{min(frames):06d}.png ...) and resume once more"


def _mapping(noted: object, name: str) -> dict[str, Any]:
    """A part of the notes; a folder may be somebody else's, so it may be anything."""
    value = _item(noted, name)
    return dict(value) if isinstance(value, dict) else {}


def _item(notes: object, name: str) -> Any:
    return notes.get(name) if isinstance(notes, Mapping) else None
