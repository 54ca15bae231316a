# SPDX-License-Identifier: GPL-3.0-or-later
"""What the window orders from the background Blender; plain values in a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .framing import Framing

MESSAGE_PREFIX = "sdcore: "
"""Begins each line that is meant for the parent; Blender writes lines of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOrder:
    """Data passes of some frames.

    scene, view_layer: names in the copied file. rest: positions in rest space. pictures: the frames as the
    scene renders them, too. folder: where the frames go. have: frames that lie elsewhere already.
    """

    scene: str
    view_layer: str
    frames: tuple[int, ...]
    framing: Framing
    rest: bool
    pictures: bool
    folder: Path
    have: tuple[int, ...] = ()

    def write(self, path: Path) -> None:
        path.write_text(self.to_json())

    def to_json(self) -> str:
        """As `read` reads it."""
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @classmethod
    def read(cls, path: Path) -> RenderOrder:
        fields = json.loads(path.read_text())
        changed = {"framing": Framing(**fields["framing"]), "frames": tuple(fields["frames"])}
        changed["have"] = tuple(fields.get("have", ()))
        return cls(**fields | changed | {"folder": Path(fields["folder"])})


def frame_path(folder: Path, frame: int) -> Path:
    """The file of a frame, which may be negative."""
    return folder / f"{frame:06d}.exr"
