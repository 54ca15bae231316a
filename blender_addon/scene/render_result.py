# SPDX-License-Identifier: GPL-3.0-or-later
"""The render that is shown, as it is shown: Blender gives its pixels only by way of a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from sd_core.errors import RequestError

_READABLE = frozenset({"PNG", "TIFF", "TARGA", "TARGA_RAW", "BMP"})
"""Formats without loss that hold what is shown: with them no setting has to change."""

_FORMAT = {"media_type": "IMAGE", "file_format": "TARGA_RAW", "color_mode": "RGBA"}


def render_result(scene: bpy.types.Scene, folder: Path) -> np.ndarray:
    """The current render through the scene's view transform: (h, w, 4) uint8, sRGB-encoded, straight alpha.

    Args:
        folder: for a file that is removed at once.

    Raises:
        RequestError: there is no render, or one of another size than the scene's settings say.
    """
    settings = scene.render.image_settings
    path = folder / "shown"
    try:
        image = next(each for each in bpy.data.images if each.type == "RENDER_RESULT")
        with nullcontext() if settings.file_format in _READABLE else _lossless_format(settings):
            image.save_render(str(path), scene=scene)
    except (StopIteration, RuntimeError) as error:
        hint = "render it (F12), or set the strength to 1"
        raise RequestError("image", "no frame has been rendered", hint=hint) from error
    try:
        return _read(path)
    finally:
        path.unlink(missing_ok=True)


def check_size(render: np.ndarray, width: int, height: int) -> None:
    """Refuse a render that is not of the size of the scene.

    Raises:
        RequestError: it is not.
    """
    if render.shape[:2] != (height, width):
        is_now = f"{render.shape[1]} x {render.shape[0]} px"
        raise RequestError(
            "image",
            f"the render has {is_now}, the scene's settings say {width} x {height}",
            hint="render the frame again (F12), without a border",
        )


def _read(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
        width, height = image.size
        flat = np.empty(width * height * image.channels, np.float32)
        image.pixels.foreach_get(flat)
    finally:
        bpy.data.images.remove(image)
    return np.rint(flat.reshape(height, width, -1)[::-1] * 255).astype(np.uint8)


@contextmanager
def _lossless_format(settings: Any) -> Iterator[None]:
    """Other settings for a moment. Formats choose their own colour mode and depth, so these are put back last."""
    names = [known.identifier for known in settings.bl_rna.properties if _is_plain_setting(known)]
    ordered = [name for name in (*_FORMAT, "color_depth") if name in names]
    ordered += [name for name in names if name not in ordered]
    before = {name: getattr(settings, name) for name in ordered}
    try:
        for name, value in _FORMAT.items():
            if name in names:
                setattr(settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


def _is_plain_setting(setting: bpy.types.Property) -> bool:
    return not setting.is_readonly and setting.type not in {"POINTER", "COLLECTION"}
