# SPDX-License-Identifier: GPL-3.0-or-later
"""The output folder of a run that paints surfaces: as `Output`, with the textures, which later runs find; no bpy.

surfaces/scene.blend, order.json   the copy of the scene, and what was ordered from it
surfaces/paints.json               which textures the pictures in frames/ show
surfaces/<digest>-<side>.json      a texture: what it was made from
surfaces/<digest>-<side>.<map>.png its maps

The digest is that of all that a texture is made from, but for its side: a larger one serves for a smaller one. Shots and farm
tasks that share the folder paint each texture once: whoever paints holds a lock.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sd_core.errors import Cancelled
from sd_core.files import output_error
from sd_core.outputs import is_whole
from sd_core.outputs.claims import PRIVATE
from sd_core.outputs.locks import try_lock

from .output import AnimationOutput, picture_name, stands

_log = logging.getLogger(__name__)

_LOOK = 0.2
"""Seconds between two looks at whether another painter is done."""


@dataclass(frozen=True, slots=True)
class Texture:
    """A texture that lies in the folder. size: px. maps: files by name of the map. about: as it was noted."""

    key: str
    size: int
    maps: Mapping[str, Path]
    about: Mapping[str, Any]


@dataclass(slots=True)
class SurfaceOutput(AnimationOutput):
    """See the module."""

    place: ClassVar[str] = "surfaces"

    def replace_scene_copy(self, copy: Path, order: str) -> None:
        """As `Output`; what pictures there are is forgotten first, so that none of them is taken for one of this run."""
        with self._open_folder() as held:
            held.set_changed_aside([self._paints], _log.warning)
            held.remove([self._paints])
        AnimationOutput.replace_scene_copy(self, copy, order)

    def find(self, key: str, size: int) -> Texture | None:
        """The smallest texture of at least this side, px; one that somebody has changed since, with a brush, counts as well."""
        with self._open_folder() as held:
            held.reread()
            begin = f"surfaces/{key}-"
            sides = (
                name.removeprefix(begin).removesuffix(".json") for name in held.listed_names() if name.startswith(begin)
            )
            for side in sorted(int(side) for side in sides if side.isdigit()):
                record = held.read(_record(key, side))
                if side < size or record is None:
                    continue
                about = json.loads(record)
                names = {kind: _map(key, side, kind) for kind in about["maps"]}
                if stands(held, names.values(), lambda path: not is_whole(path)):
                    return Texture(key, side, {kind: held.path(name) for kind, name in names.items()}, about)
        return None

    def keep(self, key: str, size: int, maps: Mapping[str, bytes], about: Mapping[str, Any]) -> Texture:
        """Take over a texture: PNG files by map."""
        noted = {**about, "maps": sorted(maps)}
        with self._open_folder() as held:
            held.set_changed_aside([_record(key, size), *(_map(key, size, kind) for kind in maps)], _log.warning)
            paths = held.write(
                {_map(key, size, kind): data for kind, data in maps.items()}
                | {_record(key, size): json.dumps(noted, indent=1).encode()}
            )
        return Texture(key, size, dict(zip(maps, paths, strict=False)), noted)

    @contextmanager
    def painting(self, wait: Callable[[], bool]) -> Iterator[None]:
        """While it lasts nobody else paints here. `wait` is asked while somebody does: whether to go on waiting.

        Raises:
            Cancelled: it is not.
            OutputError: the folder cannot be locked.
        """
        path = self.folder / PRIVATE / "paint.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except OSError as error:
            raise output_error(path, error) from error
        try:
            while not try_lock(handle, path):
                if not wait():
                    raise Cancelled
                time.sleep(_LOOK)
            yield
        finally:
            os.close(handle)

    def finished_pictures(self, paints: str) -> tuple[int, ...]:
        """Frames whose pictures are there and show these paints; those that show others go."""
        data = paints.encode()
        with self._open_folder() as held:
            if held.read(self._paints) != data:
                self.clear_pictures()
                held.set_changed_aside([self._paints], _log.warning)
                held.write({self._paints: data})
                return ()
            whole = (
                frame for frame in self.frames if stands(held, [picture_name(frame)], lambda path: not is_whole(path))
            )
            return tuple(whole)

    @property
    def _paints(self) -> str:
        return f"surfaces/paints{self.tag}.json"

    def _file_names(self) -> Iterator[str]:
        yield from AnimationOutput._file_names(self)  # noqa: SLF001 - in place of super(), which slots break
        yield self._paints


def _record(key: str, size: int) -> str:
    return f"surfaces/{key}-{size}.json"


def _map(key: str, size: int, kind: str) -> str:
    return f"surfaces/{key}-{size}.{kind}.png"
