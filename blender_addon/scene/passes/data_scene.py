# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a scene of a copied file into one that renders data: one sample through the middle of each pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from .camera import pixel_aspect, require_camera
from .data_camera import DataCamera, new_data_camera
from .framing import Framing
from .rest_position import add_rest_positions

PASS_NAMES = frozenset({"combined", "z", "vector", "normal", "uv", "position", "cryptomatte_object"})
"""Passes that are written; `position` gives way to the rest position."""

_RENDER: Mapping[str, Any] = {
    "engine": "CYCLES",
    "resolution_percentage": 100,
    "use_motion_blur": False,  # the vector pass is empty with it
    "use_border": False,
    "use_crop_to_border": False,
    "use_compositing": False,
    "use_sequencer": False,
    "use_render_cache": False,
    "use_multiview": False,
    "use_freestyle": False,
    "use_stamp": False,
    "use_placeholder": False,
    "use_overwrite": True,
    "use_file_extension": True,
    "use_persistent_data": True,
}

_CYCLES: Mapping[str, Any] = {
    "device": "CPU",
    "samples": 1,
    "use_adaptive_sampling": False,
    "use_denoising": False,
    "pixel_filter_type": "BOX",
    "filter_width": 0.01,
    "max_bounces": 0,
    "use_auto_tile": False,
}
"""A data render is limited by its start, so a graphics card would not help; with one sample no value is a mixture."""

_IMAGE: Mapping[str, Any] = {
    "media_type": "MULTI_LAYER_IMAGE",  # since Blender 5.0 it decides which formats there are
    "file_format": "OPEN_EXR_MULTILAYER",
    "color_depth": "32",
    "exr_codec": "ZIP",
    "use_preview": False,
    "use_exr_interleave": True,  # files of several parts are not written where pixels are not square
}


def make_data_scene(
    scene: bpy.types.Scene, layer_name: str, framing: Framing, *, rest: bool
) -> Mapping[str, DataCamera]:
    """Change every setting of `scene` that stands in the way of data, for good: the file is a copy.

    Returns:
        The cameras that took the places of the scene's, by name.
    """
    _set(scene.render, _RENDER)
    _set(scene.cycles, _CYCLES)
    _set(scene.render.image_settings, _IMAGE)
    layer = _only_layer(scene, layer_name)
    _choose_passes(layer, PASS_NAMES - {"position"} if rest else PASS_NAMES)
    if rest:
        add_rest_positions(layer)
    cameras = _replace_cameras(scene, framing)
    scene.render.resolution_y, scene.render.resolution_x = framing.data_size
    return cameras


def _set(group: Any, values: Mapping[str, Any]) -> None:
    """Settings that this release of Blender does not have are left out."""
    for name, value in values.items():
        if hasattr(group, name):
            setattr(group, name, value)


def _only_layer(scene: bpy.types.Scene, name: str) -> bpy.types.ViewLayer:
    for layer in scene.view_layers:
        layer.use = layer.name == name
    return scene.view_layers[name]


def _choose_passes(layer: bpy.types.ViewLayer, names: frozenset[str]) -> None:
    for prop in layer.bl_rna.properties:
        if prop.identifier.startswith("use_pass_"):
            setattr(layer, prop.identifier, prop.identifier.removeprefix("use_pass_") in names)
    layer.pass_cryptomatte_depth = 2
    layer.samples = 0
    while layer.aovs:
        layer.active_aov_index = 0
        layer.aovs.remove(layer.aovs[0])
    cycles = getattr(layer, "cycles", None)
    if cycles is not None:
        _set(cycles, {"denoising_store_passes": False, "pass_debug_sample_count": False})


def _replace_cameras(scene: bpy.types.Scene, framing: Framing) -> Mapping[str, DataCamera]:
    """Every camera that the scene uses, at once or by a marker, gives way to one that sees the margin too."""
    marked = [marker for marker in scene.timeline_markers if marker.camera is not None]
    used = {require_camera(scene), *(marker.camera for marker in marked)}
    aspect = pixel_aspect(scene)
    data_cameras = {camera: new_data_camera(camera, framing, aspect) for camera in used}
    places = {camera: bpy.data.objects[replacement.name] for camera, replacement in data_cameras.items()}
    for made in places.values():
        scene.collection.objects.link(made)
    now = places[scene.camera]
    for marker in marked:
        marker.camera = places[marker.camera]
    scene.camera = now
    return {replacement.name: replacement for replacement in data_cameras.values()}
