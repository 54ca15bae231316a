# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated images."""

from __future__ import annotations

from typing import Any

import bpy

from .. import history
from .layout import panels_in_editors


class SDCORE_PT_history:
    """Thumbnails of what was made before, to open and to use again."""

    bl_label = "History"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender reads a set
    bl_order = 80

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout, window = self.layout, context.window_manager.sd_core
        layout.template_icon_view(window, "history", show_labels=False, scale=6.0, scale_popup=5.0)
        if history.selected_image(context) is None:
            layout.label(text="Generated images appear here")
            return
        row = layout.row(align=True)
        row.operator("sdcore.use_again", icon="LOOP_BACK")
        row.operator("sdcore.open_history", icon="IMAGE_DATA")
        row.operator("sdcore.remove_history", text="", icon="TRASH")


CLASSES = panels_in_editors(SDCORE_PT_history)
