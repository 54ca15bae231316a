# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a stylised animation; no bpy.

passes/000001.exr ...    the data of each frame, by its number in the scene, with what is needed to render the rest
frames/000001.png ...    the pictures, as they are made
<name>.mp4               the video
report.json              figures of every frame
job.json                 the job on the server while it is not finished
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sd_core.files import write_files
from sd_core.requests import Request


@dataclass(frozen=True, slots=True)
class Output:
    """Where the files of one animation lie; safe to use from any thread."""

    folder: Path
    name: str

    @property
    def passes(self) -> Path:
        return self.folder / "passes"

    @property
    def video(self) -> Path:
        return self.folder / f"{self.name}.mp4"

    def picture(self, frame: int) -> Path:
        """The picture of a frame of the scene."""
        return self.folder / "frames" / f"{frame:06d}.png"

    def write_picture(self, frame: int, png: bytes) -> Path:
        """Write a picture, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        path = self.picture(frame)
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_files([(path, png)])[0]

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Write the figures."""
        write_files([(self.folder / "report.json", json.dumps(report, indent=1).encode())])

    def clear_passes(self) -> None:
        """Remove the data of an earlier animation, but for the copy of the scene that has just been saved."""
        self._clear("passes/*.exr", "passes/[0-9-]*.json", "job.json")

    def clear_pictures(self) -> None:
        """Remove the pictures of an earlier animation: they are kept until there are others."""
        self._clear("frames/*.png", "*.mp4", "report.json")

    def _clear(self, *patterns: str) -> None:
        for pattern in patterns:
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def job_id(self, request: Request, fresh: str) -> str:
        """The job on the server that makes this request already, else `fresh`, which is remembered."""
        digest = hashlib.sha256(request.to_json().encode()).hexdigest()
        path = self.folder / "job.json"
        held = json.loads(path.read_text()) if path.is_file() else {}
        if held.get("request") == digest:
            return held["id"]
        write_files([(path, json.dumps({"id": fresh, "request": digest}).encode())])
        return fresh

    def forget_job(self) -> None:
        """The job has ended: another one would have to be made."""
        (self.folder / "job.json").unlink(missing_ok=True)
