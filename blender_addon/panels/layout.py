# SPDX-License-Identifier: GPL-3.0-or-later
"""What panels share: the same panel in several editors, texts that wrap, values with a switch."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from ..fields import USE

CATEGORY = "Diffusion"
"""The tab in the side bars."""

_EDITORS = {"image": "IMAGE_EDITOR", "view": "VIEW_3D"}
_CHARACTER = 7.0
"""Width of a character of the interface's font at scale 1, px, roughly."""


def in_editors(panel: type, parent: str = "", editors: tuple[str, ...] = ("image", "view")) -> tuple[type[Any], ...]:
    """A panel class for each editor's side bar.

    Args:
        panel: has `bl_label`, `draw` and what else a panel has, but no place; its name is `SDCORE_PT_...`.
        parent: name of the panel within which it stands.
        editors: "image" (Image Editor), "view" (3D View).
    """
    made = []
    for editor in editors:
        name = f"{panel.__name__}_{editor}"
        place = {
            "bl_idname": name,
            "bl_space_type": _EDITORS[editor],
            "bl_region_type": "UI",
            "bl_category": CATEGORY,
            "__doc__": panel.__doc__,
        }
        if parent:
            place["bl_parent_id"] = f"{parent}_{editor}"
        made.append(type(name, (panel, bpy.types.Panel), place))
    return tuple(made)


def optional_prop(layout: bpy.types.UILayout, group: bpy.types.PropertyGroup, name: str) -> None:
    """A value that may be left to the model: a switch before it."""
    row = layout.row(align=True, heading=group.bl_rna.properties[name].name)
    row.prop(group, USE + name, text="")
    value = row.row(align=True)
    value.active = getattr(group, USE + name)
    value.prop(group, name, text="")


def draw_wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: Any = "NONE") -> None:
    """A text on as many lines as the region is too narrow for one."""
    scale = context.preferences.system.ui_scale
    room = max(int((context.region.width - 60 * scale) / (_CHARACTER * scale)), 16)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, room)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE", translate=False)
