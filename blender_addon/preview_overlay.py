# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a job while it is made: an icon in the side bars, and drawn over the image in the Image Editor.

No datablock is made for it, so that nothing of it is saved, undone or shown for longer than the job runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import bpy.utils.previews
import gpu
import numpy as np
from gpu_extras.presets import draw_texture_2d

from .editors import ImageEditorRef, find_editor
from .preferences import is_live_picture_on

CLASSES = ()

_MAX_SIDE = 256
"""Px of the longer side: more would only take longer to bring to the screen."""

_EMPTY_EDITOR_SIDE = 256
"""Px that an Image Editor without an image shows as its unit square."""

_NAME = "live"


@dataclass(slots=True)
class _Overlay:
    """What is shown now.

    job: id. picture: (h, w, 3|4) uint8 as the job gave it. pixels: (h, w, 4) float32, bottom row first. editor: where it
    is drawn over an image. texture: of `pixels`, made when it is first drawn.
    """

    previews: bpy.utils.previews.ImagePreviewCollection | None = None
    handle: object = None
    job: str = ""
    picture: np.ndarray | None = None
    pixels: np.ndarray | None = None
    editor: ImageEditorRef | None = None
    texture: gpu.types.GPUTexture | None = None


_overlay = _Overlay()


def show(job: str, picture: np.ndarray, editor: ImageEditorRef | None) -> None:
    """Show the picture of a job; the same one again costs nothing. For the main thread.

    Args:
        job: id.
        picture: (h, w, 3|4) uint8, sRGB.
        editor: the Image Editor over whose image it is drawn; None: it is seen in the side bars alone.
    """
    _overlay.job, _overlay.editor = job, editor
    if picture is _overlay.picture:
        return
    _overlay.picture, _overlay.pixels, _overlay.texture = picture, pixels_of(picture), None
    assert _overlay.previews is not None
    preview = _overlay.previews[_NAME]
    height, width = _overlay.pixels.shape[:2]
    preview.image_size = (width, height)
    preview.image_pixels_float.foreach_set(_overlay.pixels.ravel())


def hide() -> None:
    """Show nothing any more."""
    _overlay.job, _overlay.picture, _overlay.pixels, _overlay.editor, _overlay.texture = "", None, None, None, None


def icon_of(job: str) -> int | None:
    """The icon with the picture of a job; None while there is none."""
    if _overlay.previews is None or job != _overlay.job:
        return None
    return _overlay.previews[_NAME].icon_id


def pixels_of(picture: np.ndarray) -> np.ndarray:
    """(h, w, 4) float32 in [0, 1], bottom row first, at most 256 px high and wide."""
    step = -(-max(picture.shape[:2]) // _MAX_SIDE)
    small = picture[::step, ::step][::-1]
    pixels = np.ones((*small.shape[:2], 4), np.float32)
    pixels[..., : small.shape[2]] = small / np.float32(255)
    return pixels


def centred_rectangle(picture: tuple[int, int], image: tuple[int, int]) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of a picture centred in an image, as large as fits, in shares of the image.

    Args:
        picture, image: (height, width) px.
    """
    high, wide = (of / own for of, own in zip(picture, image, strict=True))
    height, width = high / max(high, wide), wide / max(high, wide)
    return (1 - width) / 2, (1 - height) / 2, (1 + width) / 2, (1 + height) / 2


def register() -> None:
    """Make room for the icon, and draw in the Image Editor."""
    _overlay.previews = bpy.utils.previews.new()
    _overlay.previews.new(_NAME)
    _overlay.handle = bpy.types.SpaceImageEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def unregister() -> None:
    """Take both back."""
    hide()
    bpy.types.SpaceImageEditor.draw_handler_remove(_overlay.handle, "WINDOW")
    if _overlay.previews is not None:
        bpy.utils.previews.remove(_overlay.previews)
    _overlay.previews = _overlay.handle = None


def _draw() -> None:
    """Called by Blender for every Image Editor that it draws."""
    if _overlay.pixels is None or _overlay.editor is None or not is_live_picture_on():
        return
    space, region = bpy.context.space_data, bpy.context.region
    if find_editor(_overlay.editor) != space:
        return
    if _overlay.texture is None:
        _overlay.texture = _texture(_overlay.pixels)
    image = space.image
    size = (
        (image.size[1], image.size[0])
        if image is not None and all(image.size)
        else (_EMPTY_EDITOR_SIDE, _EMPTY_EDITOR_SIDE)
    )
    left, bottom, right, top = centred_rectangle(_overlay.pixels.shape[:2], size)
    x0, y0 = region.view2d.view_to_region(left, bottom, clip=False)
    x1, y1 = region.view2d.view_to_region(right, top, clip=False)
    draw_texture_2d(_overlay.texture, (x0, y0), x1 - x0, y1 - y0)


def _texture(pixels: np.ndarray) -> gpu.types.GPUTexture:
    height, width = pixels.shape[:2]
    flat = np.ascontiguousarray(pixels).ravel()
    return gpu.types.GPUTexture((width, height), format="RGBA16F", data=gpu.types.Buffer("FLOAT", flat.size, flat))
