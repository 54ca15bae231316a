# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the settings, kept as Blender keeps its own: small files in the user's scripts folder."""

from typing import Any, ClassVar

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

from .fields import Properties, property_names
from .request_fields import ADDED, COMMON, GROUPS

_FOLDER = "sd_core"
_OTHER_PROPERTIES = (
    *("task", "style", "mask_source", "pad"),
    *("prompt", "negative_prompt", "use_seed", "seed", "inpaint.expand"),
)
"""What Blender's presets hold beyond what `About.preset` says: a .blend is one picture's settings as a whole."""


def _preset_properties() -> list[str]:
    """What a preset holds, as paths below the settings."""
    own = [f"{group}.{name}" for task, group in GROUPS.items() for name in property_names(_kept(ADDED[task]))]
    return [f"settings.{name}" for name in (*property_names(_kept(COMMON)), *own, *_OTHER_PROPERTIES)]


def _kept(specs: Properties) -> Properties:
    return {name: spec for name, spec in specs.items() if spec.about.preset}


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
    preset_values: ClassVar = _preset_properties()


CLASSES = (SDCORE_MT_presets, SDCORE_PT_presets, SDCORE_OT_add_preset)
