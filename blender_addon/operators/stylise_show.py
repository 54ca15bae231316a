# SPDX-License-Identifier: GPL-3.0-or-later
"""Where results are shown: an Image Editor, beside the render if there is room."""

from __future__ import annotations

from collections.abc import Iterator

import bpy


def show_beside_render(image: bpy.types.Image) -> bool:
    """Show an image in an Image Editor of any window; one that shows the render keeps it if there is another.

    Returns:
        False where no Image Editor is open.
    """
    spaces = sorted(_image_editors(), key=_shows_render)
    if spaces:
        spaces[0].image = image
    return bool(spaces)


def _shows_render(space: bpy.types.SpaceImageEditor) -> bool:
    return space.image is not None and space.image.type == "RENDER_RESULT"


def _image_editors() -> Iterator[bpy.types.SpaceImageEditor]:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR" and area.spaces.active.mode != "UV":
                yield area.spaces.active
