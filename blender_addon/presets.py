# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the settings, kept as Blender keeps its own: small files in the user's scripts folder."""

from typing import Any, ClassVar

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

from . import labels
from .fields import USE

_FOLDER = "sd_core"
_OWN = ("task", "style", "mask_source", "pad")


def _saved() -> list[str]:
    """What a preset holds: what belongs to no single image."""
    groups = {
        "image_to_image": labels.STRENGTH,
        "inpaint": labels.INPAINT | labels.STRENGTH,
        "upscale": labels.UPSCALE | labels.STRENGTH,
    }
    own = [f"{group}.{name}" for group, names in groups.items() for name in names]
    switches = ("width", "height", "num_inference_steps", "guidance_scale", "scheduler", "seed", "model")
    return [f"settings.{name}" for name in (*(USE + name for name in switches), *labels.GENERATION, *own, *_OWN)]


class SDCORE_MT_presets(bpy.types.Menu):
    """Saved settings"""

    bl_label = "Presets"
    preset_subdir = _FOLDER
    preset_operator = "script.execute_preset"
    draw: Any = bpy.types.Menu.draw_preset


class SDCORE_PT_presets(PresetPanel, bpy.types.Panel):
    """Saved settings"""

    bl_label = "Presets"
    preset_subdir = _FOLDER
    preset_operator = "script.execute_preset"
    preset_add_operator = "sdcore.add_preset"


class SDCORE_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Save the settings under a name, or remove a saved one"""

    bl_idname = "sdcore.add_preset"
    bl_label = "Add Preset"
    preset_menu = "SDCORE_MT_presets"
    preset_subdir = _FOLDER
    preset_defines: ClassVar = ["settings = bpy.context.scene.sd_core"]
    preset_values: ClassVar = _saved()


CLASSES = (SDCORE_MT_presets, SDCORE_PT_presets, SDCORE_OT_add_preset)
