# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras: the one that sees the extra border, and what the sidecar of a frame says."""

from __future__ import annotations

import bpy
import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import Camera, SensorFit, blender_intrinsics

from .optics import without_scale


def pixel_aspect(scene: bpy.types.Scene) -> float:
    """Blender's height of a pixel over its width."""
    return scene.render.pixel_aspect_y / scene.render.pixel_aspect_x


def render_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """(width, height) px of a render of this scene."""
    render = scene.render
    share = render.resolution_percentage
    return render.resolution_x * share // 100, render.resolution_y * share // 100


def require_camera(scene: bpy.types.Scene) -> bpy.types.Object:
    """The camera of the scene.

    Raises:
        RequestError: there is none, or it is a panorama.
    """
    camera = scene.camera
    if camera is None:
        raise RequestError("camera", f"the scene {scene.name!r} has none", hint="add a camera")
    if camera.type == "CAMERA" and camera.data.type not in ("PERSP", "ORTHO"):
        raise RequestError("camera", f"{camera.name!r} is a panorama", hint="set its type to perspective")
    return camera


def scene_camera(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> Camera | None:
    """The scene's camera at the current frame; None for an orthographic one, which has no intrinsics of a pinhole."""
    width, height = render_size(scene)
    aspect = (scene.render.pixel_aspect_x, scene.render.pixel_aspect_y)
    return camera_for(scene.camera, depsgraph, (height, width), aspect)


def camera_for(
    item: bpy.types.Object,
    depsgraph: bpy.types.Depsgraph,
    size: tuple[int, int],
    aspect: tuple[float, float] = (1.0, 1.0),
) -> Camera | None:
    """A camera object for pictures of (height, width) px; None for an orthographic one."""
    camera = item.evaluated_get(depsgraph)
    data = camera.data
    if data.type != "PERSP":
        return None
    sensor, shift = (data.sensor_width, data.sensor_height), (data.shift_x, data.shift_y)
    intrinsics = blender_intrinsics(size, data.lens, sensor, SensorFit(data.sensor_fit), shift, aspect)
    return Camera(without_scale(np.array(camera.matrix_world)), intrinsics)
