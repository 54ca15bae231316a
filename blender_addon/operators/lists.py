# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the lists of LoRAs and ControlNets, and masks."""

from typing import ClassVar

import bpy
from bpy.props import IntProperty, StringProperty

from .. import jobs
from .common import is_ready
from .generate import current_image


class _Undoable:
    bl_options: ClassVar = {"REGISTER", "UNDO", "INTERNAL"}


class _RemoveRow(_Undoable):
    """Those that remove a row. rows: the list, by its name in the settings."""

    rows: ClassVar[str]

    index: IntProperty(name="Index", description="Index in the list", min=0, options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        getattr(context.scene.sd_core, self.rows).remove(self.index)
        return {"FINISHED"}


class SDCORE_OT_add_lora(_Undoable, bpy.types.Operator):
    """Add this LoRA"""

    bl_idname = "sdcore.add_lora"
    bl_label = "Add LoRA"

    path: StringProperty(
        name="LoRA", description="Name of the LoRA; empty: add an empty row", options={"HIDDEN", "SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.sd_core.loras.add().path = self.path
        return {"FINISHED"}


class SDCORE_OT_remove_lora(_RemoveRow, bpy.types.Operator):
    """Remove this LoRA"""

    bl_idname = "sdcore.remove_lora"
    bl_label = "Remove LoRA"
    rows = "loras"

    path: StringProperty(
        name="LoRA",
        description="Name of the LoRA to remove; empty: the row at the index",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.path:
            return super().execute(context)
        loras = context.scene.sd_core.loras
        for index in reversed([index for index, row in enumerate(loras) if row.path == self.path]):
            loras.remove(index)
        jobs.forget_ended_jobs()
        return {"FINISHED"}


class SDCORE_OT_add_control(_Undoable, bpy.types.Operator):
    """Add a ControlNet"""

    bl_idname = "sdcore.add_control"
    bl_label = "Add ControlNet"

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.sd_core.controls.add()
        return {"FINISHED"}


class SDCORE_OT_remove_control(_RemoveRow, bpy.types.Operator):
    """Remove this ControlNet"""

    bl_idname = "sdcore.remove_control"
    bl_label = "Remove ControlNet"
    rows = "controls"


class SDCORE_OT_new_mask(_Undoable, bpy.types.Operator):
    """New black image of the size of the open image; paint white where to repaint"""

    bl_idname = "sdcore.new_mask"
    bl_label = "New Mask"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        image = current_image(context)
        return is_ready(cls, "Open an image first" if image is None or not all(image.size) else "")

    def execute(self, context: bpy.types.Context) -> set[str]:
        image = current_image(context)
        assert image is not None
        width, height = image.size
        settings = context.scene.sd_core
        settings.mask = bpy.data.images.new(f"{image.name[:40]} mask", width, height, alpha=False)
        settings.mask_source, settings.image = "IMAGE", image
        return {"FINISHED"}


CLASSES = (
    SDCORE_OT_add_lora,
    SDCORE_OT_remove_lora,
    SDCORE_OT_add_control,
    SDCORE_OT_remove_control,
    SDCORE_OT_new_mask,
)
