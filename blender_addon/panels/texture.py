# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel that makes materials."""

from __future__ import annotations

from typing import Any

import bpy

from ..request_fields import TEXTURE
from .generate import draw_prompt
from .layout import draw_optional_prop, other_fields, panels_in_editors
from .status import draw_jobs


class SDCORE_PT_texture:
    """A tiling material from the prompt."""

    bl_label = "Texture"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender reads a set
    bl_order = 20

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.sd_core
        draw_prompt(layout, settings)
        layout.template_ID(settings, "texture_image", open="image.open", text="Start Image")
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "texture_strength" if settings.texture_image else "texture_size")
        draw_optional_prop(column, settings, "seed")
        column.prop(settings, "texture_target")
        column.prop(settings, "texture_scale")
        column.prop(settings, "texture_displacement")
        other_fields(column, settings, TEXTURE, ("texture_strength", "texture_maps"))
        button = layout.row()
        button.scale_y = 1.5
        button.operator("sdcore.generate_texture", icon="MATERIAL")
        draw_jobs(layout, context, picture=True)


class SDCORE_PT_maps:
    """Which maps the material gets."""

    bl_label = "Maps"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self: Any, context: bpy.types.Context) -> None:
        self.layout.column().prop(context.scene.sd_core, "texture_maps")


CLASSES = (*panels_in_editors(SDCORE_PT_texture), *panels_in_editors(SDCORE_PT_maps, "SDCORE_PT_texture"))
