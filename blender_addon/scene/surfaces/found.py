# SPDX-License-Identifier: GPL-3.0-or-later
"""What a survey is asked and what it finds, as plain values in JSON files; no bpy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

FOUND = "found.json"

VIEWS, TILE, KEEP, FRAMES = "views", "tile", "keep", "frames"
"""How an object is painted: from views into its UV map, as a tiling texture, not at all, or only frame by frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyOrder:
    """What is to be surveyed.

    scene, view_layer: names in the copied file. frames: of the shot. size: (width, height) px of the render. limit: largest
    side of a texture in px. prompt: of the shot. folder: where the arrays and `found.json` go.
    """

    scene: str
    view_layer: str
    frames: tuple[int, ...]
    size: tuple[int, int]
    limit: int
    prompt: str
    folder: Path

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self) | {"folder": str(self.folder)}))

    @classmethod
    def read(cls, path: Path) -> SurveyOrder:
        held = json.loads(path.read_text())
        changed = {"frames": tuple(held["frames"]), "size": tuple(held["size"]), "folder": Path(held["folder"])}
        return cls(**held | changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An object that the shot shows, or the part of it that has some of its materials.

    name: of the entry. object: of the object. slots: of its materials; empty for all. surface: one of those above. why: in words.
    share: of the pictures, in [0, 1]. needed: side of the texture that has a texel for each pixel of its largest appearance. size:
    what it gets, px. prompt: raw. scale: of the object. extent: scene units that a tile covers. views: cameras in its rest space
    as (matrix, intrinsics), for square pictures of `VIEW` px. arrays: file with its triangles, empty for none. uv_map: that is
    painted; unwrapped: whether it is made in the copy. like: the entry whose texture it shows, empty for its own. notes: what
    is left as it is.
    """

    name: str
    object: str
    surface: str
    slots: tuple[int, ...] = ()
    why: str = ""
    share: float = 0.0
    needed: int = 0
    size: int = 0
    prompt: str = ""
    seed: int | None = None
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    extent: float = 0.0
    views: tuple[tuple[tuple[tuple[float, ...], ...], ...], ...] = ()
    arrays: str = ""
    uv_map: str = ""
    unwrapped: bool = False
    like: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_painted(self) -> bool:
        return self.surface in {VIEWS, TILE}


def write_found(folder: Path, seen: list[Seen]) -> None:
    """Write what was found."""
    (folder / FOUND).write_text(json.dumps([asdict(item) for item in seen]))


def read_found(folder: Path) -> list[Seen]:
    """What `write_found` wrote."""
    return [_seen(held) for held in json.loads((folder / FOUND).read_text())]


def _seen(held: Mapping[str, Any]) -> Seen:
    item = Seen(**held)
    views = tuple(tuple(tuple(tuple(row) for row in matrix) for matrix in view) for view in held["views"])
    return replace(
        item, views=views, slots=tuple(held["slots"]), scale=tuple(held["scale"]), notes=tuple(held["notes"])
    )
