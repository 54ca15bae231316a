# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel with LoRAs, ControlNets and a picture as a prompt."""

from __future__ import annotations

from typing import Any

import bpy

from ..connection import ServerState, server, status_poller
from ..loras import describe_lora, problem_of, server_loras
from ..request_fields import CONTROL, IMAGE_PROMPT, LORA
from .layout import draw_optional_prop, draw_wrapped, other_fields, panels_in_editors


class SDCORE_PT_adapters:
    """LoRAs, ControlNets and a picture as a prompt."""

    bl_label = "LoRA, ControlNet, Image Prompt"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender reads a set

    def draw(self: Any, context: bpy.types.Context) -> None:
        status_poller.note_drawn()
        layout, settings = self.layout, context.scene.sd_core
        _draw_loras(layout, context, settings)
        _draw_controls(layout, settings)
        layout.label(text="Image Prompt")
        layout.template_ID(settings, "image_prompt", open="image.open")
        if settings.image_prompt is not None:
            column = layout.column()
            column.prop(settings, "image_prompt_scale", slider=True)
            other_fields(column, settings, IMAGE_PROMPT, ("image_prompt_scale",))


class SDCORE_MT_add_lora(bpy.types.Menu):
    """LoRAs of the server"""

    bl_label = "Add LoRA"

    def draw(self, context: bpy.types.Context) -> None:
        layout, used = self.layout, {lora.path for lora in context.scene.sd_core.loras}
        for info in server_loras():
            row = layout.row()
            row.enabled = not info.problem
            icon = "CHECKMARK" if info.name in used else "ERROR" if info.problem else "BLANK1"
            text = f"{info.name}  ({describe_lora(info)})"
            row.operator("sdcore.add_lora", text=text, icon=icon, translate=False).path = info.name
        if server.status.state is not ServerState.READY:
            layout.label(text="Start the server to see its LoRAs", icon="INFO")
        elif not server_loras():
            layout.label(text="The server's LoRA folder is empty", icon="INFO")
        layout.separator()
        layout.operator("sdcore.add_lora", text="Enter Name or Path", icon="ADD").path = ""
        layout.operator("sdcore.refresh_models", icon="FILE_REFRESH")
        layout.operator("sdcore.open_lora_folder", icon="FILE_FOLDER")


def _draw_loras(layout: bpy.types.UILayout, context: bpy.types.Context, settings: bpy.types.PropertyGroup) -> None:
    row = layout.row(align=True)
    row.label(text="LoRA")
    row.menu("SDCORE_MT_add_lora", text="", icon="ADD")
    row.operator("sdcore.refresh_models", text="", icon="FILE_REFRESH")
    for index, lora in enumerate(settings.loras):
        problem = problem_of(lora.path, settings)
        row = layout.row(align=True)
        name = row.row(align=True)
        name.alert = bool(problem)
        name.prop(lora, "path", text="")
        row.prop(lora, "weight", text="")
        row.operator("sdcore.remove_lora", text="", icon="X").index = index
        other_fields(layout, lora, LORA, ("path", "weight"))
        if problem:
            draw_wrapped(layout, context, problem, "ERROR")


def _draw_controls(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    row = layout.row()
    row.label(text="ControlNet")
    row.operator("sdcore.add_control", text="", icon="ADD")
    for index, control in enumerate(settings.controls):
        box = layout.box()
        row = box.row(align=True)
        row.prop(control, "kind", text="")
        row.operator("sdcore.remove_control", text="", icon="X").index = index
        box.template_ID(control, "image", open="image.open")
        if control.image is None:
            box.label(text="Not used without a picture", icon="INFO")
        draw_optional_prop(box, control, "model")
        box.prop(control, "scale", slider=True)
        row = box.row(align=True)
        row.prop(control, "start", slider=True)
        row.prop(control, "end", slider=True)
        other_fields(box, control, CONTROL, ("kind", "model", "scale", "start", "end"))


CLASSES = (SDCORE_MT_add_lora, *panels_in_editors(SDCORE_PT_adapters, "SDCORE_PT_generate"))
