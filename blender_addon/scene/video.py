# SPDX-License-Identifier: GPL-3.0-or-later
"""A video of finished pictures, encoded by a background Blender: no other encoder need be installed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bpy

from sd_core.errors import OutputError

from .passes.render import VIDEO_PROGRAM, background_command
from .sequencer import Timing, add_pictures, disable_view_transform


@dataclass(frozen=True, slots=True)
class VideoEncoding:
    """A video that waits to be written.

    settings: of the encoding, for the background Blender. command: of it. video: the file.
    """

    settings: Mapping[str, Any]
    command: Sequence[str]
    video: Path

    def write(self) -> Path:
        """Write the video, whole or not at all; any thread.

        Raises:
            OutputError: Blender could not write it; names the last lines that it said.
        """
        order = _order_path(self.video)
        order.parent.mkdir(parents=True, exist_ok=True)
        order.write_text(json.dumps(self.settings))
        done = subprocess.run(  # noqa: S603 - the Blender that runs
            self.command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )
        order.unlink()
        if done.returncode != 0 or not self.video.is_file():
            said = (done.stdout + done.stderr).strip()[-500:]
            hint = "check the folder; the pictures are there"
            raise OutputError(str(self.video), f"cannot be written: {said}", hint=hint)
        return self.video


def prepare_encoding(pictures: Sequence[Path], size: tuple[int, int], timing: Timing, video: Path) -> VideoEncoding:
    """The encoding of pictures, which need not be there yet; main thread.

    Args:
        size: (height, width) px.
    """
    settings = {
        "pictures": [str(path) for path in pictures],
        "size": size,
        "timing": asdict(timing),
        "video": str(video),
    }
    return VideoEncoding(settings, background_command(None, VIDEO_PROGRAM, str(_order_path(video))), video)


def _order_path(video: Path) -> Path:
    return video.with_suffix(".order.json")


def main(order: str) -> None:
    """In the background Blender: encode what the file `order` says."""
    settings = json.loads(Path(order).read_text())
    pictures = [Path(path) for path in settings["pictures"]]
    timing, video = Timing(**settings["timing"]), Path(settings["video"])
    scene = bpy.context.scene
    disable_view_transform(scene)
    height, width = settings["size"]
    scene.render.resolution_x, scene.render.resolution_y = width - width % 2, height - height % 2  # as H.264 needs it
    scene.render.resolution_percentage = 100
    scene.render.fps, scene.render.fps_base = timing.fps, timing.fps_base
    scene.frame_start, scene.frame_end = timing.first, timing.first + len(pictures) * timing.step - 1
    add_pictures(scene, "frames", pictures, timing)
    _set_format(scene.render)
    partial = video.with_name(f"partial-{video.name}")
    scene.render.filepath = str(partial)
    bpy.ops.render.render(animation=True)
    partial.replace(video)


def _set_format(render: Any) -> None:
    render.use_sequencer, render.use_file_extension, render.use_stamp = True, False, False
    settings = render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    settings.color_mode = "RGB"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor = "HIGH"
    render.ffmpeg.audio_codec = "NONE"
