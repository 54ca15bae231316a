# SPDX-License-Identifier: GPL-3.0-or-later
"""Image sequences in the Video Sequencer of a scene of their own: in the open scene they would take the place of its render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When the pictures are shown: the first one's frame, how many frames each lasts, and frames per second."""

    first: int
    step: int
    fps: int
    fps_base: float

    @property
    def rate(self) -> float:
        """Pictures per second."""
        return self.fps / self.fps_base / self.step


def timing_of(scene: bpy.types.Scene, first: int, step: int) -> Timing:
    """The timing of a scene."""
    return Timing(first=first, step=step, fps=scene.render.fps, fps_base=scene.render.fps_base)


def new_sequence_scene(name: str, pictures: Sequence[Path], size: tuple[int, int], timing: Timing) -> bpy.types.Scene:
    """A new scene whose sequencer shows the pictures as they are, without a view transform.

    Args:
        size: (height, width) px.
    """
    scene = bpy.data.scenes.new(name)
    disable_view_transform(scene)
    scene.render.resolution_y, scene.render.resolution_x = size
    scene.render.resolution_percentage = 100
    scene.render.fps, scene.render.fps_base = timing.fps, timing.fps_base
    scene.frame_start = scene.frame_current = timing.first
    scene.frame_end = timing.first + len(pictures) * timing.step - 1
    add_pictures(scene, name, pictures, timing)
    return scene


def add_pictures(scene: bpy.types.Scene, name: str, pictures: Sequence[Path], timing: Timing) -> None:
    """One image strip; several, one for each picture, where a picture lasts for more than one frame."""
    editor = scene.sequence_editor_create()
    strips: Any = editor.strips if hasattr(editor, "strips") else editor.sequences  # before Blender 4.4
    if timing.step > 1:
        for index, path in enumerate(pictures):
            strip = strips.new_image(path.stem, str(path), 1, timing.first + index * timing.step, fit_method="ORIGINAL")
            strip.frame_final_duration = timing.step
        return
    strip = strips.new_image(name, str(pictures[0]), 1, timing.first, fit_method="ORIGINAL")
    for path in pictures[1:]:
        strip.elements.append(path.name)


def disable_view_transform(scene: bpy.types.Scene) -> None:
    """Finished pictures must not go through a view transform a second time."""
    scene.display_settings.display_device = "sRGB"
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    scene.view_settings.exposure, scene.view_settings.gamma = 0, 1
    scene.sequencer_colorspace_settings.name = "sRGB"
