# SPDX-License-Identifier: GPL-3.0-or-later
"""Where results are shown: an Image Editor of any window, next to the render if there is room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bpy


@dataclass(frozen=True, slots=True)
class ImageEditorRef:
    """An Image Editor, found again by the number of its area; 0: any."""

    area: int = 0

    @classmethod
    def of(cls, context: bpy.types.Context) -> ImageEditorRef:
        """The one in which an operator runs."""
        area = context.area
        return cls(area.as_pointer() if area is not None and area.type == "IMAGE_EDITOR" else 0)


def find_editor(editor: ImageEditorRef) -> bpy.types.SpaceImageEditor | None:
    """The editor of `editor`; else one whose image is not pinned, and that shows no render if there is such a one."""
    editors = list(_editors())
    own = next((space for area, space in editors if area == editor.area), None)
    if own is not None:
        return own
    return min((space for _, space in editors if not space.use_image_pin), key=_is_showing_render, default=None)


def show(image: bpy.types.Image, editor: ImageEditorRef = ImageEditorRef()) -> bool:
    """Open an image in the editor at `editor`.

    Returns:
        False where there is no Image Editor for it.
    """
    space = find_editor(editor)
    if space is not None:
        space.image = image
    return space is not None


def _is_showing_render(space: bpy.types.SpaceImageEditor) -> bool:
    return space.image is not None and space.image.type == "RENDER_RESULT"


def _editors() -> Iterator[tuple[int, bpy.types.SpaceImageEditor]]:
    """Number of the area and editor; editors of UV maps are left alone."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR" and area.ui_type == "IMAGE_EDITOR":
                yield area.as_pointer(), area.spaces.active
