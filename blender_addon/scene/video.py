# SPDX-License-Identifier: GPL-3.0-or-later
"""A video of finished pictures, encoded by a background Blender: no other encoder need be installed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bpy

from sd_core.errors import OutputError

from .pass_render import background_command
from .sequencer import Timing, add_pictures, show_as_they_are


def command(pictures: Sequence[Path], size: tuple[int, int], timing: Timing, video: Path) -> list[str]:
    """What `write` runs; built on the main thread."""
    order = video.with_suffix(".json")
    held = {"pictures": [str(path) for path in pictures], "size": size, "timing": asdict(timing), "video": str(video)}
    order.write_text(json.dumps(held))
    return background_command(None, "video", str(order))


def write(order: Sequence[str], video: Path) -> Path:
    """Run the command; any thread. The video is there whole or not at all.

    Raises:
        OutputError: Blender could not write it; names the last lines that it said.
    """
    done = subprocess.run(  # noqa: S603 - the Blender that runs
        order, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    video.with_suffix(".json").unlink(missing_ok=True)
    if done.returncode != 0 or not video.is_file():
        said = (done.stdout + done.stderr).strip()[-500:]
        raise OutputError(str(video), f"cannot be written: {said}", hint="check the folder; the pictures are there")
    return video


def main(order: str) -> None:
    """In the background Blender: encode what the file `order` says."""
    held = json.loads(Path(order).read_text())
    pictures = [Path(path) for path in held["pictures"]]
    timing, video = Timing(**held["timing"]), Path(held["video"])
    scene = bpy.context.scene
    show_as_they_are(scene)
    height, width = held["size"]
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
