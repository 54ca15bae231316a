# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a frame as its scene renders it, seen by the camera of the data; in the background Blender."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from .framing import Framing

_RENDER: Mapping[str, Any] = {
    "resolution_percentage": 100,
    "use_border": False,
    "use_crop_to_border": False,
    "use_compositing": False,
    "use_sequencer": False,
    "use_render_cache": False,
    "use_multiview": False,
    "use_stamp": False,
    "use_file_extension": True,
}
_IMAGE: Mapping[str, Any] = {"media_type": "IMAGE", "file_format": "PNG", "color_mode": "RGBA", "color_depth": "8"}


def make_picture_scene(scene: bpy.types.Scene, framing: Framing) -> bpy.types.Scene:
    """A copy of a scene with its engine, samples and view transform, made before the scene itself turns to data.

    Its camera is that of the data, see `DataCamera`: a zoom within a frame, or a move of an orthographic camera, blurs nothing.
    """
    made = scene.copy()
    made.name = f"{scene.name} picture"
    made.timeline_markers.clear()  # the camera is set for each frame
    for group, values in ((made.render, _RENDER), (made.render.image_settings, _IMAGE)):
        for name, value in values.items():
            if hasattr(group, name):
                setattr(group, name, value)
    made.render.resolution_y, made.render.resolution_x = framing.data_size
    return made


def render_picture(picture_scene: bpy.types.Scene, scene: bpy.types.Scene, path: Path) -> np.ndarray:
    """(h, w, 4) float32 in [0, 1]: the frame that `scene` is at, as it would be saved as a PNG."""
    picture_scene.camera = scene.camera
    picture_scene.frame_set(scene.frame_current)
    picture_scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=picture_scene.name)
    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name = "Non-Color"
        image.alpha_mode = "CHANNEL_PACKED"
        width, height = image.size
        flat = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(flat)
    finally:
        bpy.data.images.remove(image)
        path.unlink()
    return np.clip(flat.reshape(height, width, 4)[::-1], 0, 1)
