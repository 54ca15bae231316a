# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of prompts of an animation."""

from __future__ import annotations

from typing import ClassVar

import bpy


class SDCORE_OT_add_prompt(bpy.types.Operator):
    """Add a prompt that starts at the current frame"""

    bl_idname = "sdcore.add_prompt"
    bl_label = "Add Prompt"
    bl_options: ClassVar = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.sd_core
        item = settings.stylise.prompts.add()
        item.frame, item.text = context.scene.frame_current, settings.prompt
        settings.stylise.active_prompt = len(settings.stylise.prompts) - 1
        return {"FINISHED"}


class SDCORE_OT_remove_prompt(bpy.types.Operator):
    """Remove the selected prompt"""

    bl_idname = "sdcore.remove_prompt"
    bl_label = "Remove Prompt"
    bl_options: ClassVar = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(context.scene.sd_core.stylise.prompts)

    def execute(self, context: bpy.types.Context) -> set[str]:
        stylise = context.scene.sd_core.stylise
        stylise.prompts.remove(stylise.active_prompt)
        stylise.active_prompt = max(0, min(stylise.active_prompt, len(stylise.prompts) - 1))
        return {"FINISHED"}


class SDCORE_OT_prompts_from_markers(bpy.types.Operator):
    """Add one prompt for each timeline marker: its text is the name of the marker, its first frame moves with it"""

    bl_idname = "sdcore.prompts_from_markers"
    bl_label = "Prompts from Markers"
    bl_options: ClassVar = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(context.scene.timeline_markers)

    def execute(self, context: bpy.types.Context) -> set[str]:
        prompts = context.scene.sd_core.stylise.prompts
        known = {item.marker for item in prompts}
        for marker in sorted(context.scene.timeline_markers, key=lambda each: each.frame):
            if marker.name not in known:
                item = prompts.add()
                item.text = item.marker = marker.name
                item.frame = marker.frame
        return {"FINISHED"}


CLASSES = (SDCORE_OT_add_prompt, SDCORE_OT_remove_prompt, SDCORE_OT_prompts_from_markers)
