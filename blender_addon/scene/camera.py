# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras: the one that sees the overscan, and what the sidecar of a frame says."""

from __future__ import annotations

import bpy
import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import Camera, SensorFit, blender_intrinsics

from .framing import Framing, Lens, widened


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


def follow(camera: bpy.types.Object, framing: Framing, aspect: float) -> bpy.types.Object:
    """A new camera that sees what `camera` sees and `framing`'s margin, at every frame, zooms and shifts included.

    It is a child of the camera, and drivers take the animated values over: a render evaluates the animation again, so
    values that were set by hand would be lost.
    """
    data = camera.data.copy()
    data.animation_data_clear()
    made = bpy.data.objects.new(f"{camera.name} passes", data)
    made.parent = camera
    fit = SensorFit(data.sensor_fit)
    high = framing.height * aspect
    horizontal = framing.width >= high if fit is SensorFit.AUTO else fit is SensorFit.HORIZONTAL
    lens = widened(framing, horizontal=horizontal, aspect=aspect)
    if fit is SensorFit.AUTO and not horizontal:
        data.sensor_height = data.sensor_width  # AUTO fits the width of the sensor to the longer side
    data.sensor_fit = "HORIZONTAL" if horizontal else "VERTICAL"
    data.dof.use_dof = False
    _drive_all(data, camera.data, lens)
    return made


def seen_by(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> Camera | None:
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
    return Camera(_unscaled(np.array(camera.matrix_world, np.float64)), intrinsics)


def _drive_all(data: bpy.types.Camera, source: bpy.types.Camera, lens: Lens) -> None:
    _drive(data, source, "lens", f"value * {lens.scale!r}")
    _drive(data, source, "ortho_scale", f"value / {lens.scale!r}")
    for path, shift in zip(("shift_x", "shift_y"), lens.shift, strict=True):
        _drive(data, source, path, f"value * {lens.scale!r} + {shift!r}")


def _drive(data: bpy.types.Camera, source: bpy.types.Camera, path: str, expression: str) -> None:
    """Expressions as simple as these are evaluated by Blender itself, also where scripts may not run."""
    driver = data.driver_add(path).driver
    variable = driver.variables.new()
    variable.name = "value"
    target = variable.targets[0]
    target.id_type, target.id, target.data_path = "CAMERA", source, path
    driver.expression = expression


def _unscaled(matrix: np.ndarray) -> np.ndarray:
    """Renderers ignore the scale of a camera."""
    matrix[:3, :3] /= np.linalg.norm(matrix[:3, :3], axis=0)
    return matrix
