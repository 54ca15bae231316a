# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels for stylised renders and animations."""

from __future__ import annotations

from typing import Any

import bpy

from ..request_fields import STYLISE
from ..scene.passes.camera import render_size
from .generate import draw_prompt
from .layout import other_fields, panels_in_editors
from .status import draw_jobs

_PLACED = ("strength", "depth_scale", "overscan")
"""Fields that have their place; the others follow."""


class SDCORE_PT_stylise:
    """Turn the render of the current frame into a stylised picture."""

    bl_label = "Stylise Render"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender reads a set
    bl_order = 30

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.sd_core
        draw_prompt(layout, settings)
        _draw_numbers(layout, settings.stylise)
        _draw_others(layout, settings.stylise)
        width, height = render_size(context.scene)
        layout.label(text=f"{width} x {height} px", icon="OUTPUT", translate=False)
        button = layout.row()
        button.scale_y = 1.5
        button.operator("sdcore.stylise_render", icon="RENDER_STILL")
        layout.prop(settings.stylise, "on_render")
        draw_jobs(layout, context)


class SDCORE_PT_stylise_animation:
    """Turn the frames of the scene into stylised ones that hold still."""

    bl_label = "Stylise Animation"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012
    bl_order = 31

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout, scene, settings = self.layout, context.scene, context.scene.sd_core
        draw_prompt(layout, settings)
        _draw_prompts(layout, settings.stylise, scene)
        _draw_numbers(layout, settings.stylise, controls=False)
        column = layout.column(align=True)
        column.use_property_split = True
        for name in ("frame_start", "frame_end", "frame_step"):
            column.prop(scene, name)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        for name in ("overscan", "reuse", "noise", "output", "make_video"):
            column.prop(settings.stylise, name)
        _draw_others(layout, settings.stylise)
        button = layout.row()
        button.scale_y = 1.5
        button.operator("sdcore.stylise_animation", icon="RENDER_ANIMATION")
        layout.operator("sdcore.stylise_animation", text="Resume Animation", icon="PLAY").again = True
        draw_jobs(layout, context)


class SDCORE_UL_prompts(bpy.types.UIList):
    """Prompts with the frames or markers at which they begin."""

    def draw_item(  # noqa: PLR0917 - Blender counts the arguments
        self, context: Any, layout: Any, data: Any, item: Any, icon: int, active_data: Any, active_property: str
    ) -> None:
        row = layout.row(align=True)
        row.prop(item, "text", text="", emboss=False)
        frame_row = row.row(align=True)
        frame_row.ui_units_x = 4
        if item.marker and item.marker in context.scene.timeline_markers:
            frame_row.label(text=f"{item.marker} ({item.frame_in(context.scene)})", icon="MARKER_HLT", translate=False)
        else:
            frame_row.prop(item, "frame", text="", emboss=False)


def _draw_numbers(layout: bpy.types.UILayout, stylise: bpy.types.PropertyGroup, *, controls: bool = True) -> None:
    column = layout.column()
    column.use_property_split = True
    column.prop(stylise, "strength", slider=True)
    column.prop(stylise, "depth_scale", slider=True)
    if not controls:
        return
    for name in ("normal", "edges"):
        row = column.row(align=True, heading=stylise.bl_rna.properties[f"use_{name}"].name)
        row.use_property_decorate = False
        row.prop(stylise, f"use_{name}", text="")
        value = row.row(align=True)
        value.active = getattr(stylise, f"use_{name}")
        value.prop(stylise, f"{name}_scale", text="", slider=True)


def _draw_others(layout: bpy.types.UILayout, stylise: bpy.types.PropertyGroup) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    other_fields(column, stylise, STYLISE, _PLACED)


def _draw_prompts(layout: bpy.types.UILayout, stylise: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> None:
    row = layout.row()
    row.template_list("SDCORE_UL_prompts", "", stylise, "prompts", stylise, "active_prompt", rows=2)
    buttons = row.column(align=True)
    buttons.operator("sdcore.add_prompt", text="", icon="ADD")
    buttons.operator("sdcore.remove_prompt", text="", icon="REMOVE")
    buttons.operator("sdcore.prompts_from_markers", text="", icon="MARKER_HLT")
    if stylise.active_prompt < len(stylise.prompts):
        layout.prop_search(stylise.prompts[stylise.active_prompt], "marker", scene, "timeline_markers", text="Marker")


CLASSES = (SDCORE_UL_prompts, *panels_in_editors(SDCORE_PT_stylise), *panels_in_editors(SDCORE_PT_stylise_animation))
