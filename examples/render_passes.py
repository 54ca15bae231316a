"""Render a small scene with Blender's module `bpy`: the picture, and the data passes that sd_core reads.

    python examples/render_passes.py suzanne out/ --width 256 --height 256

writes for each frame `out/suzanne_0001.png` (the picture), `out/suzanne_0001.exr` (depth, motion vectors, object index,
normal, position) and `out/suzanne_0001.json` (the camera). Cycles on the CPU; no window and no graphics card is needed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector, noise

from sd_core.passes import Camera, SensorFit, Sidecar, blender_intrinsics, write_sidecar

PICTURE_SAMPLES = 32


def suzanne() -> None:
    """Blender's monkey on a plane."""
    bpy.ops.mesh.primitive_monkey_add(size=2, location=(0, 0, 1), rotation=(math.radians(-20), 0, math.radians(25)))
    bpy.context.object.modifiers.new("smooth", "SUBSURF").render_levels = 2
    _finish(index=1, colour=(0.75, 0.35, 0.15))
    bpy.ops.mesh.primitive_plane_add(size=12)
    _finish(index=2, colour=(0.4, 0.45, 0.5))


def table() -> None:
    """A table with a bowl, a box and a ball on it."""
    _box((0, 0, 1), (2.4, 1.4, 0.1), index=1, colour=(0.5, 0.3, 0.15))
    for index, (x, y) in enumerate(((-1, -0.55), (1, -0.55), (-1, 0.55), (1, 0.55))):
        _box((x, y, 0.48), (0.12, 0.12, 0.96), index=2 + index, colour=(0.45, 0.25, 0.1))
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.3, location=(0.6, 0.1, 1.35), segments=48, ring_count=24)
    _finish(index=6, colour=(0.7, 0.1, 0.1))
    bpy.ops.mesh.primitive_torus_add(major_radius=0.3, minor_radius=0.12, location=(-0.1, -0.3, 1.17))
    _finish(index=7, colour=(0.1, 0.35, 0.6))
    _box((-0.75, 0.25, 1.25), (0.4, 0.4, 0.4), index=8, colour=(0.2, 0.5, 0.2))
    bpy.ops.mesh.primitive_plane_add(size=14)
    _finish(index=9, colour=(0.45, 0.45, 0.42))


def landscape() -> None:
    """Hills of fractal noise."""
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=160, y_subdivisions=160, size=16)
    for vertex in bpy.context.object.data.vertices:
        x, y, _ = vertex.co
        vertex.co.z = 1.6 * noise.fractal(Vector((x * 0.35, y * 0.35, 4.2)), 1.0, 2.0, 5)
    _finish(index=1, colour=(0.3, 0.42, 0.2))


SCENES: Mapping[str, Callable[[], None]] = {"suzanne": suzanne, "table": table, "landscape": landscape}

DISTANCE = {"suzanne": 4.8, "table": 4.6, "landscape": 6.6}
"""From the axis of the scene to the camera, in scene units."""


def build(name: str, width: int, height: int) -> bpy.types.Scene:
    """An otherwise empty file with the scene, a sun, a sky and a camera."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("sky")
    SCENES[name]()
    bpy.ops.object.light_add(type="SUN", rotation=(math.radians(50), 0, math.radians(30)))
    bpy.context.object.data.energy = 4
    bpy.ops.object.camera_add()
    scene.camera = bpy.context.object
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.use_motion_blur = False
    scene.view_settings.view_transform = "Standard"
    return scene


def place_camera(scene: bpy.types.Scene, distance: float, frames: int) -> None:
    """Let the camera move around the scene by two degrees a frame, and look down at its middle."""
    for frame in range(1, frames + 1):
        angle = math.radians(-70 + 2 * (frame - 1))
        scene.camera.location = (distance * math.cos(angle), distance * math.sin(angle), distance / 2)
        look = Vector((0, 0, 0.9)) - scene.camera.location
        scene.camera.rotation_euler = look.to_track_quat("-Z", "Y").to_euler()
        scene.camera.keyframe_insert("location", frame=frame)
        scene.camera.keyframe_insert("rotation_euler", frame=frame)


def render_picture(scene: bpy.types.Scene, path: Path) -> None:
    """The picture as a person would render it."""
    scene.cycles.samples = PICTURE_SAMPLES
    scene.cycles.filter_width = 1.5
    scene.cycles.use_denoising = False
    _set_format(scene, "IMAGE", "PNG")
    _render(scene, path)


def render_passes(scene: bpy.types.Scene, path: Path) -> None:
    """The data: one sample through the middle of each pixel, so that no value is a mixture of two surfaces."""
    view_layer = scene.view_layers[0]
    for name in ("z", "vector", "object_index", "normal", "position"):
        setattr(view_layer, f"use_pass_{name}", True)
    scene.cycles.samples = 1
    scene.cycles.filter_width = 0.01
    scene.cycles.use_denoising = False
    _set_format(scene, "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER")
    scene.render.image_settings.color_depth = "32"
    _render(scene, path)


def camera_of(scene: bpy.types.Scene) -> Camera:
    """The camera of the current frame."""
    data = scene.camera.data
    size = (scene.render.resolution_y, scene.render.resolution_x)
    sensor = (data.sensor_width, data.sensor_height)
    intrinsics = blender_intrinsics(size, data.lens, sensor, SensorFit(data.sensor_fit), (data.shift_x, data.shift_y))
    return Camera(np.array(scene.camera.matrix_world), intrinsics)


def main() -> None:
    """Render the scene that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", choices=SCENES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--frames", type=int, default=1)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    scene = build(arguments.scene, arguments.width, arguments.height)
    place_camera(scene, DISTANCE[arguments.scene], arguments.frames)
    for frame in range(1, arguments.frames + 1):
        scene.frame_set(frame)
        stem = folder / f"{arguments.scene}_{frame:04d}"
        render_picture(scene, stem.with_suffix(".png"))
        render_passes(scene, stem.with_suffix(".exr"))
        write_sidecar(stem.with_suffix(".exr"), Sidecar(camera=camera_of(scene)))
        print(f"wrote {stem}.png, .exr and .json")


def _finish(*, index: int, colour: tuple[float, float, float]) -> None:
    """Give the new object its index, its colour and smooth shading."""
    made = bpy.context.object
    made.pass_index = index
    material = bpy.data.materials.new(made.name)
    material.diffuse_color = (*colour, 1)
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*colour, 1)
    made.data.materials.append(material)
    if len(made.data.polygons) > 100:
        bpy.ops.object.shade_smooth()


def _box(
    location: tuple[float, float, float],
    size: tuple[float, float, float],
    *,
    index: int,
    colour: tuple[float, float, float],
) -> None:
    bpy.ops.mesh.primitive_cube_add(size=1, location=location, scale=size)
    _finish(index=index, colour=colour)


def _set_format(scene: bpy.types.Scene, media_type: str, file_format: str) -> None:
    settings = scene.render.image_settings
    # Since Blender 5.0 the kind of media decides which formats there are.
    if hasattr(settings, "media_type"):
        settings.media_type = media_type
    settings.file_format = file_format


def _render(scene: bpy.types.Scene, path: Path) -> None:
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main()
