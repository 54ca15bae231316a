# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels with the prompt, the settings of a request and the button."""

from __future__ import annotations

from typing import Any

import bpy

from ..operators.generate import current_image
from ..presets import SDCORE_PT_presets
from ..properties import ICONS
from ..request_fields import ADDED, COMMON, GROUPS
from ..scene.images import image_size
from .layout import draw_optional_prop, field_prop, other_fields, panels_in_editors
from .status import draw_jobs

_OPERATORS = {
    "TEXT": "sdcore.generate_image",
    "IMAGE": "sdcore.generate_from_image",
    "INPAINT": "sdcore.generate_inpaint",
    "UPSCALE": "sdcore.generate_upscale",
}
_SIDES = ("Left", "Top", "Right", "Bottom")
_LEFT, _TOP, _RIGHT, _BOTTOM = range(4)
"""Places in `Inpaint.expand`."""

_ABOVE = ("prompt", "negative_prompt", "width", "height", "seed")
"""Common fields of the panel itself."""

_ORDERED = ("model", "num_inference_steps", "guidance_scale", "scheduler", "seamless", "seamless_method", "num_images")
"""Common fields of the settings below it, in this order; those that are in neither follow."""

_OF_TASKS = ("strength", "scale", "fill", "feather", "expand")
"""Fields of single tasks that have their place."""


class SDCORE_PT_generate:
    """What to make, and the button that makes it."""

    bl_label = "Generate"
    bl_order = 10

    def draw_header_preset(self: Any, context: bpy.types.Context) -> None:
        SDCORE_PT_presets.draw_panel_header(self.layout)

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.sd_core
        layout.prop(settings, "task", text="")
        draw_prompt(layout, settings)
        if settings.task != "TEXT":
            _draw_source(layout, context, settings)
        if settings.task == "INPAINT":
            _draw_mask(layout, settings)
        _draw_numbers(layout, settings)
        button = layout.row()
        button.scale_y = 1.5
        button.operator(_OPERATORS[settings.task], text="Generate", icon=ICONS[settings.task])
        draw_jobs(layout, context, picture=True)


class SDCORE_PT_settings:
    """What the model's defaults leave open."""

    bl_label = "Settings"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender reads a set

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.sd_core
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in _ORDERED:
            if name != "seamless_method" or settings.seamless != "none":
                field_prop(layout, settings, name)
        other_fields(layout, settings, COMMON, {*_ABOVE, *_ORDERED})


def draw_prompt(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Prompt, negative prompt and style, as every panel with a prompt has them."""
    column = layout.column(align=True)
    column.prop(settings, "prompt", text="", placeholder="Prompt")
    column.prop(settings, "negative_prompt", text="", placeholder="Negative Prompt")
    row = layout.row(align=True)
    row.prop(settings, "style", text="")


def _draw_source(layout: bpy.types.UILayout, context: bpy.types.Context, settings: bpy.types.PropertyGroup) -> None:
    image = current_image(context)
    height, width = (0, 0) if image is None else image_size(image)
    if context.space_data.type == "IMAGE_EDITOR" and image is not None:
        layout.label(text=f"{image.name}  ({width} x {height})", icon="IMAGE_DATA", translate=False)
    else:
        layout.template_ID(settings, "image", open="image.open")
    if settings.task == "INPAINT":
        left, top, right, bottom = settings.inpaint.expand
        width, height = width + left + right, height + top + bottom
    if width % 8 or height % 8:
        layout.prop(settings, "pad")


def _draw_mask(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    column = layout.column()
    column.prop(settings, "mask_source")
    if settings.mask_source == "IMAGE":
        column.template_ID(settings, "mask", open="image.open")
        column.operator("sdcore.new_mask", icon="ADD")
    if settings.mask_source == "REGION":
        column.operator("sdcore.select_region", icon="SELECT_SET")
        left, top, width, height = settings.region
        column.label(text=f"{width} x {height} px + {left}, {top}", translate=False)
    column.prop(settings.inpaint, "fill")
    column.prop(settings.inpaint, "feather")
    _draw_expand(column, settings.inpaint)


def _draw_expand(layout: bpy.types.UILayout, inpaint: bpy.types.PropertyGroup) -> None:
    layout.label(text="Expand")
    column = layout.column(align=True)
    for pair in ((_LEFT, _RIGHT), (_TOP, _BOTTOM)):
        row = column.row(align=True)
        for index in pair:
            row.prop(inpaint, "expand", index=index, text=_SIDES[index])


def _draw_numbers(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    if settings.task == "TEXT":
        draw_optional_prop(column, settings, "width")
        draw_optional_prop(column, settings, "height")
    else:
        group = getattr(settings, GROUPS[settings.task])
        column.prop(group, "strength", slider=True)
        if settings.task == "UPSCALE":
            column.prop(group, "scale")
        other_fields(column, group, ADDED[settings.task], _OF_TASKS)
    draw_optional_prop(column, settings, "seed")


CLASSES = (*panels_in_editors(SDCORE_PT_generate), *panels_in_editors(SDCORE_PT_settings, "SDCORE_PT_generate"))
