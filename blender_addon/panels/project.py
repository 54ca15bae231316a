# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel for textures that are projected onto objects."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated

from ..request_fields import PROJECT
from .generate import draw_prompt
from .layout import draw_wrapped, other_fields, panels_in_editors
from .status import draw_jobs


class SDCORE_PT_project:
    """Paint the selected objects."""

    bl_label = "Project Texture"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender reads a set
    bl_order = 25

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.sd_core
        draw_prompt(layout, settings)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        whole = settings.project.repaint == "ALL"
        column.prop(settings.project, "repaint")
        if settings.project.repaint == "IMAGE":
            mask = column.column()
            mask.template_ID(settings.project, "mask", open="image.open")
            mask.operator("sdcore.paint_mask", icon="BRUSH_DATA")
        column.prop(settings.project, "views")
        if settings.project.views == "AUTO":
            column.prop(settings.project, "max_views")
        for name in ("uvs", "texture_size", "depth_scale", "pbr") if whole else ("depth_scale",):
            column.prop(settings.project, name)
        other_fields(column, settings.project, PROJECT, ("max_views", "texture_size", "depth_scale"))
        if any(control.image for control in settings.controls):
            draw_wrapped(
                layout, context, translated("ControlNets are not used here: each view follows its depth"), "INFO"
            )
        button = layout.row()
        button.scale_y = 1.5
        if whole:
            button.operator("sdcore.project_texture", icon="MOD_UVPROJECT")
        else:
            button.operator("sdcore.repaint_texture", icon="BRUSH_DATA")
        draw_jobs(layout, context, picture=True)


CLASSES = panels_in_editors(SDCORE_PT_project, editors=("view",))
