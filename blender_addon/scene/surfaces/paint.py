# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object of a shot is painted with, as plain values; no bpy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .found import TILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """An object and its texture.

    name: of the object. slots: those of its material slots that show it; empty for all. surface: "views" or "tile". title: of
    images and materials. maps: files by map. uv_map: where the texture lies; unwrapped: a copied file has to be given that map
    first. repeat: scene units that a tile covers. scale: of the object. mean: colour of the texture, linear. regular: the
    texture has courses or a grid, which must not be broken up.
    """

    name: str
    surface: str
    title: str
    maps: Mapping[str, str]
    slots: tuple[int, ...] = ()
    uv_map: str = ""
    unwrapped: bool = False
    repeat: float = 1.0
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    regular: bool = False

    @property
    def is_tile(self) -> bool:
        return self.surface == TILE


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOrder:
    """Frames of a painted scene.

    scene, view_layer: names in the copied file. have: frames that lie elsewhere already. devices: kind of the graphics cards that
    render and their names, as the user has chosen them; empty for none.
    """

    scene: str
    view_layer: str
    frames: tuple[int, ...]
    have: tuple[int, ...]
    folder: Path
    paints: tuple[Paint, ...]
    devices: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self) | {"folder": str(self.folder)}))

    @classmethod
    def read(cls, path: Path) -> RenderOrder:
        held = json.loads(path.read_text())
        paints = tuple(_paint(paint) for paint in held["paints"])
        changed = {name: tuple(held[name]) for name in ("frames", "have", "devices")}
        return cls(**held | changed | {"paints": paints, "folder": Path(held["folder"])})


def _paint(held: Mapping[str, Any]) -> Paint:
    return Paint(**held | {name: tuple(held[name]) for name in ("slots", "scale", "mean")})


def picture_path(folder: Path, frame: int) -> Path:
    """The picture of a frame, which may be negative."""
    return folder / f"{frame:06d}.png"
