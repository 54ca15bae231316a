# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of a background Blender that renders frames of a copied file with painted surfaces, as the user's render is set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from sd_core.errors import RequestError

from ..passes.program import run_program, tell
from ..png import encode_png
from ..scripts import forbid_scripts, remove_compositing
from .materials import colour_space, paint_object
from .paint import Paint, RenderOrder, picture_path
from .unwrap import unwrap

_RENDER: Mapping[str, Any] = {
    "use_border": False,
    "use_crop_to_border": False,
    "use_compositing": False,
    "use_sequencer": False,
    "use_multiview": False,
    "use_stamp": False,
    "use_placeholder": False,
    "use_overwrite": True,
    "use_file_extension": True,
}
_IMAGE: Mapping[str, Any] = {"media_type": "IMAGE", "file_format": "PNG", "color_depth": "8", "use_preview": False}


def main(order: str, *, scripts: bool) -> None:
    """Carry out the order in a file; ends the process.

    scripts: whether code of the file may be run.
    """
    run_program(lambda: _render(RenderOrder.read(Path(order)), scripts=scripts), "the painted scene cannot be rendered")


def _render(order: RenderOrder, *, scripts: bool) -> None:
    scene = bpy.data.scenes[order.scene]
    if not scripts:
        for what in forbid_scripts(scene, pictures=True):
            tell({"left_out": what})
    if bpy.context.window is not None:
        bpy.context.window.scene = scene
    remove_compositing(scene)
    if order.devices:
        _use_devices(*order.devices)
    paint_scene(order.paints)
    _prepare(scene, order.view_layer)
    for frame in order.frames:
        path = picture_path(order.folder, frame)
        if frame not in order.have and not path.is_file():
            scene.frame_set(frame)
            _frame(scene, path)
        tell({"frame": frame})


def paint_scene(paints: tuple[Paint, ...]) -> None:
    """Give the objects of the open file their textures, and the UV maps that these need."""
    images: dict[str, bpy.types.Image] = {}
    items = {item.name_full: item for item in bpy.data.objects}
    for paint in paints:
        item = items.get(paint.name)
        if item is None or (paint.unwrapped and not unwrap(item)):
            raise RequestError("objects", f"{paint.name!r} is not as it was surveyed", hint="start without Resume")
        paint_object(item, paint, {kind: _image(images, kind, path) for kind, path in paint.maps.items()})


def _image(images: dict[str, bpy.types.Image], kind: str, path: str) -> bpy.types.Image:
    if path not in images:
        images[path] = bpy.data.images.load(path)
        images[path].colorspace_settings.name = colour_space(kind)
    return images[path]


def _prepare(scene: bpy.types.Scene, view_layer: str) -> None:
    for group, values in ((scene.render, _RENDER), (scene.render.image_settings, _IMAGE)):
        for name, value in values.items():
            if hasattr(group, name):
                setattr(group, name, value)
    scene.render.image_settings.color_mode = "RGBA" if scene.render.film_transparent else "RGB"
    for layer in scene.view_layers:
        layer.use = layer.name == view_layer


def _frame(scene: bpy.types.Scene, path: Path) -> None:
    """Under its own name when it is whole, without the notes that Blender writes into its files: time, host, path."""
    partial = path.with_name(f"partial-{path.name}")
    scene.render.filepath = str(partial)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    partial.write_bytes(encode_png(_pixels(partial, alpha=scene.render.film_transparent)))
    partial.replace(path)


def _pixels(path: Path, *, alpha: bool) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
        width, height = image.size
        flat = np.empty(width * height * image.channels, np.float32)
        image.pixels.foreach_get(flat)
        made = np.rint(flat.reshape(height, width, -1)[::-1] * 255).astype(np.uint8)
        return np.ascontiguousarray(made if alpha else made[..., :3])
    finally:
        bpy.data.images.remove(image)


def _use_devices(kind: str, *names: str) -> None:
    """The graphics cards that the user renders with: a background Blender starts without the user's preferences."""
    held = bpy.context.preferences.addons["cycles"].preferences
    held.compute_device_type = kind
    held.get_devices()
    for device in held.devices:
        device.use = device.name in names
