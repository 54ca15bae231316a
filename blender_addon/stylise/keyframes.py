# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes over an animation: prompts of the list, and animated numbers, as keyframes of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import bpy

from sd_core.requests import Keyframe

from ..scene.animated import values_over

ANIMATED_FIELDS: Mapping[str, tuple[str, ...]] = {
    "strength": ("stylise", "strength"),
    "controlnet_conditioning_scale": ("stylise", "depth_scale"),
    "guidance_scale": ("guidance_scale",),
}
"""Property below `Scene.sd_core` by field of a keyframe."""


def prompts_in(scene: bpy.types.Scene) -> list[tuple[int, str]]:
    """(frame, text) of the prompts in the list, in the order of their frames."""
    prompts = scene.sd_core.stylise.prompts
    return sorted((item.frame_in(scene), item.text) for item in prompts if item.text.strip())


def keyframes(
    scene: bpy.types.Scene, frames: range, style_prompt: Callable[[str], str] = lambda text: text
) -> tuple[Keyframe, ...]:
    """The keyframes of a request whose frame `i` is the scene's frame `frames[i]`.

    Args:
        style_prompt: adds the style to a prompt.
    """
    settings: dict[int, dict[str, Any]] = {}
    for index, text in prompt_changes(prompts_in(scene), frames).items():
        settings.setdefault(index, {})["prompt"] = style_prompt(text)
    for field, names in ANIMATED_FIELDS.items():
        path = ".".join(("sd_core", *names))
        for index, value in enumerate(values_over(scene, path, list(frames)) or ()):
            settings.setdefault(index, {})[field] = value
    return tuple(Keyframe(index, **fields) for index, fields in sorted(settings.items()))


def prompt_changes(prompts: list[tuple[int, str]], frames: range) -> dict[int, str]:
    """Prompt by index of the frame from which on it holds; the last before the first frame holds from there."""
    found: dict[int, str] = {}
    for frame, text in prompts:
        index = max(0, -(-(frame - frames.start) // frames.step))
        if index < len(frames):
            found[index] = text
    return found
