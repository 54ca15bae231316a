# SPDX-License-Identifier: GPL-3.0-or-later
"""A rectangle of the open image, selected by dragging."""

from typing import Any, ClassVar

import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from .common import is_ready

_COLOUR = (1.0, 1.0, 1.0, 0.9)

Pixel = tuple[float, float]


class SDCORE_OT_select_region(bpy.types.Operator):
    """Drag a rectangle over the open image; Inpaint repaints inside it"""

    bl_idname = "sdcore.select_region"
    bl_label = "Select Region"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        space = context.space_data
        has_image = (
            space is not None and space.type == "IMAGE_EDITOR" and space.image is not None and all(space.image.size)
        )
        return is_ready(cls, "" if has_image else "Open an image in the Image Editor")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._start: Pixel | None = None
        self._end: Pixel | None = None
        # Pressed in the side bar, the operator would otherwise see that region's coordinates.
        self._region = next(region for region in context.area.regions if region.type == "WINDOW")
        self._handle = bpy.types.SpaceImageEditor.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")
        context.window.cursor_modal_set("CROSSHAIR")
        context.workspace.status_text_set("Drag a rectangle; Escape or right click cancels")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if context.area is None or context.area.type != "IMAGE_EDITOR":  # closed or changed meanwhile
            self._finish(context)
            return {"CANCELLED"}
        context.area.tag_redraw()
        where = self._pixel(event)
        match event.type, event.value:
            case (("ESC" | "RIGHTMOUSE"), "PRESS"):
                self._finish(context)
                return {"CANCELLED"}
            case "LEFTMOUSE", "PRESS":
                self._start = self._end = where
            case "MOUSEMOVE", _:
                self._end = where
            case "LEFTMOUSE", "RELEASE" if self._start is not None:
                self._finish(context)
                return self._set_region(context, self._start, where)
        return {"RUNNING_MODAL"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Called when a file is loaded in the middle."""
        self._finish(context)

    def _set_region(self, context: bpy.types.Context, first: Pixel, last: Pixel) -> set[str]:
        image = context.space_data.image
        if image is None:
            self.report({"ERROR"}, "The image was closed. Open it and select the region again")
            return {"CANCELLED"}
        left, top, width, height = region_between(first, last, image.size[0], image.size[1])
        if not (width and height):
            return {"CANCELLED"}
        settings = context.scene.sd_core
        settings.region, settings.mask_source = (left, top, width, height), "REGION"
        return {"FINISHED"}

    def _pixel(self, event: bpy.types.Event) -> Pixel:
        """Where the mouse is, in shares of the image, from its lower left corner."""
        region = self._region
        return region.view2d.region_to_view(event.mouse_x - region.x, event.mouse_y - region.y)

    def _draw(self) -> None:
        if self._start is None or self._end is None:
            return
        (x0, y0), (x1, y1) = (
            self._region.view2d.view_to_region(*corner, clip=False) for corner in (self._start, self._end)
        )
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        shader: Any = gpu.shader.from_builtin("UNIFORM_COLOR")
        shader.uniform_float("color", _COLOUR)
        batch_for_shader(shader, "LINE_STRIP", {"pos": [(x, y, 0) for x, y in corners]}).draw(shader)

    def _finish(self, context: bpy.types.Context) -> None:
        bpy.types.SpaceImageEditor.draw_handler_remove(self._handle, "WINDOW")
        context.window.cursor_modal_restore()
        context.workspace.status_text_set(None)
        if context.area is not None:
            context.area.tag_redraw()


CLASSES = (SDCORE_OT_select_region,)


def region_between(first: Pixel, last: Pixel, width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, width, height) in px from the top left of an image, cut to it.

    Args:
        first, last: opposite corners in shares of the image, y upwards.
    """
    left, right = sorted(_side(x, width) for x in (first[0], last[0]))
    top, bottom = sorted(_side(1 - y, height) for y in (first[1], last[1]))
    return left, top, right - left, bottom - top


def _side(share: float, pixels: int) -> int:
    return min(max(round(share * pixels), 0), pixels)
