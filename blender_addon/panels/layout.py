# SPDX-License-Identifier: GPL-3.0-or-later
"""What panels share: the same panel in several editors, texts that wrap, values with a switch."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Collection
from typing import Any

import bpy

from ..fields import SWITCH_PREFIX, Properties

CATEGORY = "Diffusion"
"""The tab in the side bars."""

_EDITORS = {"image": "IMAGE_EDITOR", "view": "VIEW_3D"}
_CHARACTER = 7.0
"""Width of a character of the interface's font at scale 1, px, roughly."""

_HEADING = 13
"""Characters of a label that fit next to a switch and a value in a side bar of Blender's own width."""


def panels_in_editors(
    panel: type, parent: str = "", editors: tuple[str, ...] = ("image", "view")
) -> tuple[type[Any], ...]:
    """A panel class for each editor's side bar.

    Args:
        panel: has `bl_label`, `draw` and what else a panel has, but no place; its name is `SDCORE_PT_...`.
        parent: name of the panel within which it stands.
        editors: "image" (Image Editor), "view" (3D View).
    """
    made = []
    for editor in editors:
        name = f"{panel.__name__}_{editor}"
        attributes = {
            "bl_idname": name,
            "bl_space_type": _EDITORS[editor],
            "bl_region_type": "UI",
            "bl_category": CATEGORY,
            "__doc__": panel.__doc__,
        }
        if parent:
            attributes["bl_parent_id"] = f"{parent}_{editor}"
        made.append(type(name, (panel, bpy.types.Panel), attributes))
    return tuple(made)


def draw_optional_prop(layout: bpy.types.UILayout, group: bpy.types.PropertyGroup, name: str) -> None:
    """A value that may be left to the model: a switch before it, or above it where the label is long."""
    label = group.bl_rna.properties[name].name
    column = layout.column(align=True)
    if len(label) > _HEADING:
        column.prop(group, SWITCH_PREFIX + name)
        value = column.row(align=True)
    else:
        row = column.row(align=True, heading=label)
        row.prop(group, SWITCH_PREFIX + name, text="")
        value = row.row(align=True)
    value.active = getattr(group, SWITCH_PREFIX + name)
    value.prop(group, name, text="")


def field_prop(layout: bpy.types.UILayout, group: bpy.types.PropertyGroup, name: str, *, slider: bool = False) -> None:
    """A field of a request, with its switch where it may be left to the model."""
    if SWITCH_PREFIX + name in group.bl_rna.properties:
        draw_optional_prop(layout, group, name)
    else:
        layout.prop(group, name, slider=slider)


def other_fields(
    layout: bpy.types.UILayout, group: bpy.types.PropertyGroup, specs: Properties, placed: Collection[str]
) -> None:
    """The fields that a panel does not place by hand, in the order of the request.

    Args:
        placed: properties that this or another panel draws.
    """
    for name in specs:
        if name not in placed:
            field_prop(layout, group, name)


def draw_wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: Any = "NONE") -> None:
    """A text on as many lines as the region is too narrow for one."""
    scale = context.preferences.system.ui_scale
    room = max(int((context.region.width - 60 * scale) / (_CHARACTER * scale)), 16)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(lines_of(text, room)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE", translate=False)


def lines_of(text: str, room: int) -> list[str]:
    """A text on lines of at most `room` characters of Latin width; Chinese ones are twice as wide, and any may end a line."""
    if not any(_width(character) > 1 for character in text):
        return textwrap.wrap(text, room)
    lines, left = [""], room
    for piece in re.findall(r"[!-~]+|.", text):
        width = sum(map(_width, piece))
        if width > left:
            lines, left = [*lines, ""], room
        lines[-1], left = lines[-1] + piece, left - width
    return [line.strip() for line in lines if line.strip()]


def _width(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
