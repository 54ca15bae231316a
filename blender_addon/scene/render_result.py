# SPDX-License-Identifier: GPL-3.0-or-later
"""The render that is shown, as it is shown: Blender gives its pixels only by way of a file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from sd_core.errors import RequestError

_FORMAT = {"media_type": "IMAGE", "file_format": "TARGA_RAW", "color_mode": "RGBA"}
"""Not compressed, so that it is written and read in little time; 8 bit through the scene's view transform."""

_HEADER = 18


def save_render_result(scene: bpy.types.Scene, path: Path) -> Path:
    """Write the current render to a file for `read_render_result`; main thread.

    Raises:
        RequestError: there is no render.
    """
    try:
        image = next(held for held in bpy.data.images if held.type == "RENDER_RESULT")
        with _image_settings(scene.render.image_settings, _FORMAT):
            image.save_render(str(path), scene=scene)
    except (StopIteration, RuntimeError) as error:
        raise RequestError(
            "image", "no frame has been rendered", hint="render it (F12), or set the strength to 1"
        ) from error
    return path


def read_render_result(path: Path, size: tuple[int, int]) -> np.ndarray:
    """The saved render: (h, w, 4) uint8, sRGB-encoded, straight alpha; any thread.

    Args:
        size: (height, width) that the scene's settings promise.

    Raises:
        RequestError: the render has another size.
    """
    data = path.read_bytes()
    width, height = struct.unpack_from("<HH", data, 12)
    if (height, width) != size:
        raise RequestError(
            "image",
            f"the render has {width} x {height} px, the scene's settings say {size[1]} x {size[0]}",
            hint="render the frame again (F12), without a border",
        )
    pixels = np.frombuffer(data, np.uint8, height * width * 4, _HEADER).reshape(height, width, 4)
    return np.ascontiguousarray(pixels[::-1, :, [2, 1, 0, 3]])


@contextmanager
def _image_settings(settings: Any, wanted: dict[str, str]) -> Iterator[None]:
    """Other settings for a moment. Formats choose their own colour mode and depth, so these are put back last."""
    names = [known.identifier for known in settings.bl_rna.properties if _is_value(known)]
    ordered = [name for name in (*wanted, "color_depth") if name in names]
    ordered += [name for name in names if name not in ordered]
    before = {name: getattr(settings, name) for name in ordered}
    try:
        for name, value in wanted.items():
            if name in names:
                setattr(settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


def _is_value(known: bpy.types.Property) -> bool:
    return not known.is_readonly and known.type not in {"POINTER", "COLLECTION"}
