# SPDX-License-Identifier: GPL-3.0-or-later
"""The method of a shot, and the list of what it shows."""

from __future__ import annotations

from typing import Any

import bpy

from ..scene.surfaces.found import FRAMES, KEEP, TILE, VIEWS
from ..stylise.method import AUTO, chosen_method

_ICONS = {VIEWS: "TEXTURE", TILE: "MESH_GRID", KEEP: "LOCKED", FRAMES: "RENDERLAYERS"}


class SDCORE_UL_surfaces(bpy.types.UIList):
    """Objects with their share of the pictures, their prompts, and whether they keep their materials."""

    def draw_item(  # noqa: PLR0917 - Blender counts the arguments
        self, context: Any, layout: Any, data: Any, item: Any, icon: int, active_data: Any, active_property: str
    ) -> None:
        split = layout.split(factor=0.4)
        name = split.row(align=True)
        name.label(text=item.name, icon=_ICONS.get(item.surface, "QUESTION"), translate=False)
        share = name.row()
        share.alignment = "RIGHT"
        share.label(text=f"{item.share:.0%}", translate=False)
        row = split.row(align=True)
        text = row.row(align=True)
        text.active = not item.keep and item.surface in {VIEWS, TILE}
        text.prop(item, "prompt", text="", emboss=False, placeholder=item.found_prompt)
        row.prop(item, "keep", text="", icon="LOCKED" if item.keep else "UNLOCKED", emboss=False)


def draw_method(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> str:
    """Draw the menu and what it comes to; gives SURFACES or FRAMES."""
    settings = scene.sd_core.stylise
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "method")
    method, why = chosen_method(scene)
    if settings.method == AUTO:
        items = settings.bl_rna.properties["method"].enum_items
        row = column.row()
        row.active = False
        label = bpy.app.translations.pgettext_iface(items[method].name)
        row.label(text=f"{label}: {why}", icon="INFO", translate=False)
    return method


def draw_surfaces(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Draw the list and its buttons."""
    settings = scene.sd_core.stylise
    column = layout.column()
    column.operator("sdcore.find_objects", icon="VIEWZOOM")
    rows = settings.surfaces
    if len(rows):
        column.template_list("SDCORE_UL_surfaces", "", settings, "surfaces", settings, "active_surface", rows=3)
        if settings.active_surface < len(rows):
            _draw_selected(column, rows[settings.active_surface])
    row = column.row(align=True)
    row.operator("sdcore.apply_surfaces", icon="MATERIAL")
    row.operator("sdcore.repaint_object", icon="FILE_REFRESH")
    size = layout.column()
    size.use_property_split, size.use_property_decorate = True, False
    size.prop(settings, "surface_limit")


def _draw_selected(layout: bpy.types.UILayout, row: bpy.types.PropertyGroup) -> None:
    """What the object is painted with, and why so."""
    lines = layout.column(align=True)
    lines.active = False
    if not row.prompt and row.found_prompt:
        lines.label(text=row.found_prompt, icon="GREASEPENCIL", translate=False)
    if row.why:
        lines.label(text=row.why, icon="INFO", translate=False)


CLASSES = (SDCORE_UL_surfaces,)
