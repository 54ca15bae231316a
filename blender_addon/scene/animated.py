# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of animated properties at other frames, found without leaving the current one."""

from __future__ import annotations

from collections.abc import Iterator

import bpy


def values_over(owner: bpy.types.ID, data_path: str, frames: range | list[int]) -> list[float] | None:
    """The value of a property at each frame; None where it has no keyframes.

    Evaluated from the F-curve itself: changing the frame would redraw the window and run everybody's handlers. Drivers
    are not followed.
    """
    curve = next((found for found in _curves(owner) if found.data_path == data_path and not found.mute), None)
    return None if curve is None else [float(curve.evaluate(frame)) for frame in frames]


def _curves(owner: bpy.types.ID) -> Iterator[bpy.types.FCurve]:
    animation = owner.animation_data
    action = None if animation is None else animation.action
    if action is None:
        return
    if hasattr(action, "fcurves"):  # before Blender 5.0
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(animation.action_slot)
            if bag is not None:
                yield from bag.fcurves
