"""Scenes of the animation benchmark, rendered by the real Blender: data passes with exact motion, and textured pictures.

    python tests/benchmarks/animation_scenes.py orbit out/ --frames 120 --size 128

writes for each frame `data/0001.exr` and `.json` (1 sample: depth, vectors, object index, rest position, larger than the
picture by the overscan) and `textured/0001.png` (the same surfaces in a generated texture, 16 samples, without the
overscan). A folder that is there already, made with the same settings, is used as it is.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from sd_core.passes import Camera, FramePasses, SensorFit, Sidecar, blender_intrinsics, read_exr, write_sidecar
from sd_core.training.data import SampleKind, make_sample
from sd_core.values import Array, read_picture, to_pillow

LENS, SENSOR = 42.0, 36.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What is rendered.

    frames: how many, of a path that takes `length` frames, None: as many. size: px of a side of the picture.
    overscan: px more on every side of the passes.
    """

    name: str
    frames: int
    length: int | None = None
    size: int = 128
    overscan: int = 16
    material: str = "cobblestone"
    seed: int = 5

    @property
    def path(self) -> int:
        return self.length or self.frames


@dataclass(frozen=True, slots=True)
class Rendered:
    """A shot on disk; frames are opened when they are asked for."""

    shot: Shot
    folder: Path

    @property
    def count(self) -> int:
        return self.shot.frames

    @property
    def paths(self) -> list[Path]:
        return [self.folder / "data" / f"{frame:04d}.exr" for frame in range(1, self.count + 1)]

    def passes(self, index: int) -> FramePasses:
        """The passes of a frame, overscan included."""
        return read_exr(self.paths[index])

    def cropped(self, index: int) -> FramePasses:
        """The passes of a frame within the picture."""
        return crop(self.passes(index), self.shot.overscan)

    def textured(self, index: int) -> Array:
        """(h, w, 3) uint8."""
        return read_picture(self.folder / "textured" / f"{index + 1:04d}.png")[..., :3]


Place = Callable[[float], None]
"""Puts camera and objects where they are at a time from 0 to 1."""


def suzanne(location: tuple[float, float, float] = (0, 0, 1), index: int = 1) -> bpy.types.Object:
    bpy.ops.mesh.primitive_monkey_add(size=2, location=location, rotation=(math.radians(-20), 0, math.radians(25)))
    made = bpy.context.object
    modifier = made.modifiers.new("smooth", "SUBSURF")
    modifier.levels = modifier.render_levels = 1
    bpy.ops.object.modifier_apply(modifier="smooth")
    return finish(made, index)


def floor(side: float = 40, index: int = 2) -> bpy.types.Object:
    bpy.ops.mesh.primitive_plane_add(size=side)
    return finish(bpy.context.object, index)


def wall(y: float, index: int = 3) -> bpy.types.Object:
    bpy.ops.mesh.primitive_plane_add(size=40, location=(0, y, 0), rotation=(math.radians(90), 0, 0))
    return finish(bpy.context.object, index)


def box(size: tuple[float, float, float], location: tuple[float, float, float], index: int) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(size=1, location=location, scale=size)
    bpy.ops.object.transform_apply(location=False, rotation=False, scale=True)
    return finish(bpy.context.object, index)


def finish(made: bpy.types.Object, index: int) -> bpy.types.Object:
    """Give an object its index, and its vertices the attribute `rest`: where they are before anything deforms them."""
    made.pass_index = index
    mesh = made.data
    places = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", places)
    rest = mesh.attributes.new("rest", "FLOAT_VECTOR", "POINT")
    # Each object has its own part of space, so that one texture looks different on each.
    rest.data.foreach_set("vector", (places.reshape(-1, 3) + np.float32(7.3 * index)).ravel())
    bpy.ops.object.shade_smooth_by_angle(angle=math.radians(40))
    return made


def look(place: tuple[float, float, float], target: tuple[float, float, float]) -> None:
    camera = bpy.context.scene.camera
    camera.location = place
    camera.rotation_euler = (Vector(target) - Vector(place)).to_track_quat("-Z", "Y").to_euler()


def static() -> Place:
    suzanne()
    floor()
    return lambda _: look((2.0, -4.4, 2.4), (0, 0, 0.9))


def orbit() -> Place:
    suzanne()
    floor()
    box((0.7, 0.7, 1.2), (1.5, 0.9, 0.6), 3)

    def place(time: float) -> None:
        angle = math.radians(-65) + 2 * math.pi * time
        look((5.2 * math.cos(angle), 5.2 * math.sin(angle), 3.0), (0, 0, 0.8))

    return place


def sway() -> Place:
    """A closed path on which most of what is seen stays in view."""
    suzanne()
    floor()
    box((0.7, 0.7, 1.2), (1.5, 0.9, 0.6), 3)

    def place(time: float) -> None:
        turn = 2 * math.pi * time
        look((1.6 + 0.9 * math.sin(turn), -4.6 + 0.4 * math.cos(turn), 2.5 + 0.4 * math.sin(turn)), (0, 0, 0.9))

    return place


def occluder() -> Place:
    suzanne()
    floor()
    wall(2.5)
    front = box((0.7, 0.2, 2.6), (0, -2.0, 1.3), 4)

    def place(time: float) -> None:
        front.location.x = -2.2 + 4.4 * time
        look((0.3, -5.2, 2.0), (0, 0, 1.0))

    return place


def deform() -> Place:
    made = suzanne()
    floor()
    twist = made.modifiers.new("twist", "SIMPLE_DEFORM")
    twist.deform_method, twist.deform_axis = "BEND", "Z"

    def place(time: float) -> None:
        twist.angle = math.radians(55) * math.sin(2 * math.pi * time)
        twist.keyframe_insert("angle", frame=bpy.context.scene.frame_current)
        look((2.0, -4.4, 2.4), (0, 0, 0.9))

    return place


def dolly() -> Place:
    suzanne()
    floor()
    wall(2.5)

    def place(time: float) -> None:
        distance = 5.5 / 2.5**time
        look((0.35 * distance, -0.85 * distance, 1.0 + 0.3 * distance), (0, 0, 1.0))

    return place


def cut() -> Place:
    """Out of one view into another, and back."""
    suzanne()
    floor()
    wall(2.5)
    box((0.7, 0.7, 1.2), (1.5, 0.9, 0.6), 4)

    def place(time: float) -> None:
        away = 1 / 3 <= time < 2 / 3
        shift = 0.5 * (time % (1 / 3))
        look((-3.0 + shift, -3.4, 1.8) if away else (1.6 + shift, -4.8, 2.5), (0, 0, 0.9))

    return place


def long() -> Place:
    """A travel along a row of things, swinging to and fro; half of the first view is still seen in the last."""
    suzanne()
    floor()
    wall(2.5)
    box((0.7, 0.7, 1.2), (1.9, 0.6, 0.6), 4)
    box((0.9, 0.5, 0.8), (-1.9, 0.2, 0.4), 5)

    def place(time: float) -> None:
        x = -0.6 + 1.4 * time + 0.4 * math.sin(10 * math.pi * time)
        look((x, -5.4, 2.2 + 0.2 * math.sin(6 * math.pi * time)), (x - 0.2, 0, 0.9))

    return place


SCENES: Mapping[str, Callable[[], Place]] = {
    "static": static, "orbit": orbit, "sway": sway, "occluder": occluder, "deform": deform, "dolly": dolly, "cut": cut,
    "long": long,
}  # fmt: skip

LENGTHS: Mapping[str, int] = {
    "static": 32, "orbit": 121, "sway": 121, "occluder": 48, "deform": 48, "dolly": 60, "cut": 48, "long": 240,
}  # fmt: skip
"""Frames that a scene's path takes."""

CLOSED = frozenset({"orbit", "sway"})
"""Scenes whose last frame shows what the first does."""


def make_shot(name: str, frames: int | None, size: int, overscan: int, *, whole: bool = False) -> Shot:
    """The first `frames` of a scene, None: all; or its `whole` path in so many frames, as always where it has cuts."""
    count = min(frames or LENGTHS[name], LENGTHS[name])
    length = count if whole or name == "cut" else LENGTHS[name]
    return Shot(name=name, frames=count, length=length, size=size, overscan=overscan)


def build(shot: Shot) -> bpy.types.Scene:
    """The scene with every frame's place keyed, from one frame before the first to one after the last."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("sky")
    scene.world.color = (0.35, 0.4, 0.5)
    bpy.ops.object.camera_add()
    scene.camera = bpy.context.object
    scene.camera.data.lens = LENS
    scene.render.engine = "CYCLES"
    scene.render.use_motion_blur = False
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_percentage = 100
    place = SCENES[shot.name]()
    moving = [held for held in bpy.data.objects if held.type in ("MESH", "CAMERA")]
    last = shot.path - 1 if shot.name in CLOSED else shot.path
    for frame in range(shot.frames + 2):
        scene.frame_set(frame)
        time = (frame - 1) / max(last, 1)
        place(min(max(time, 0), 0.9999) if shot.name == "cut" else time)
        for held in moving:
            held.keyframe_insert("location", frame=frame)
            held.keyframe_insert("rotation_euler", frame=frame)
    return scene


def dress(shot: Shot, folder: Path) -> None:
    """Every mesh shines in one box-projected texture, and writes its rest position to an AOV."""
    texture = make_sample(shot.seed, 512, 512, kind=SampleKind.TEXTURE, material=shot.material).image
    to_pillow(texture).save(folder / "texture.png")
    material = bpy.data.materials.new("generated")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    rest, image = nodes.new("ShaderNodeAttribute"), nodes.new("ShaderNodeTexImage")
    shine, surface = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    aov, scaled = nodes.new("ShaderNodeOutputAOV"), nodes.new("ShaderNodeVectorMath")
    rest.attribute_name, aov.aov_name = "rest", "rest_position"
    scaled.operation, scaled.inputs[1].default_value = "SCALE", (0, 0, 0)
    scaled.inputs["Scale"].default_value = 0.12
    image.image = bpy.data.images.load(str(folder / "texture.png"), check_existing=False)
    image.projection, image.projection_blend = "BOX", 0.2
    links.new(rest.outputs["Vector"], scaled.inputs[0])
    links.new(scaled.outputs["Vector"], image.inputs["Vector"])
    links.new(image.outputs["Color"], shine.inputs["Color"])
    links.new(shine.outputs[0], surface.inputs["Surface"])
    links.new(rest.outputs["Vector"], aov.inputs["Color"])
    for body in bpy.data.objects:
        if body.type == "MESH":
            body.data.materials.clear()
            body.data.materials.append(material)


def render_shot(shot: Shot, root: Path) -> Rendered:
    """Render a shot into a folder of `root`, unless it lies there."""
    folder = (root / f"{shot.name}-{shot.frames}-{shot.path}-{shot.size}").resolve()
    rendered, marker = Rendered(shot, folder), folder / "shot.json"
    if marker.is_file() and json.loads(marker.read_text()) == asdict(shot):
        return rendered
    (folder / "data").mkdir(parents=True, exist_ok=True)
    scene = build(shot)
    dress(shot, folder)
    layer = scene.view_layers[0]
    layer.aovs.add().name = "rest_position"
    for name in ("z", "vector", "object_index"):
        setattr(layer, f"use_pass_{name}", True)
    for frame in range(1, shot.frames + 1):
        scene.frame_set(frame)
        render_data(scene, shot, folder / "data" / f"{frame:04d}.exr")
        render_textured(scene, shot, folder / "textured" / f"{frame:04d}.png")
    marker.write_text(json.dumps(asdict(shot)))
    return rendered


def render_data(scene: bpy.types.Scene, shot: Shot, path: Path) -> None:
    """One sample through the middle of each pixel; the camera goes into the sidecar."""
    scene.cycles.samples, scene.cycles.pixel_filter_type, scene.cycles.filter_width = 1, "BOX", 0.01
    side = set_size(scene, shot, shot.overscan)
    render(scene, path, "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER", "32")
    data = scene.camera.data
    sensor = (data.sensor_width, data.sensor_height)
    intrinsics = blender_intrinsics((side, side), data.lens, sensor, SensorFit(data.sensor_fit))
    third = shot.path / 3
    starts = {math.ceil(third), math.ceil(2 * third)} if shot.name == "cut" else set()
    camera = Camera(np.array(scene.camera.matrix_world), intrinsics)
    write_sidecar(path, Sidecar(camera=camera, cut=scene.frame_current - 1 in starts))


def render_textured(scene: bpy.types.Scene, shot: Shot, path: Path) -> None:
    scene.cycles.samples, scene.cycles.pixel_filter_type, scene.cycles.filter_width = 16, "BLACKMAN_HARRIS", 1.5
    set_size(scene, shot, 0)
    render(scene, path, "IMAGE", "PNG", "8")


def set_size(scene: bpy.types.Scene, shot: Shot, margin: int) -> int:
    """A margin widens the sensor as well, so that the focal length in px stays."""
    side = shot.size + 2 * margin
    scene.render.resolution_x = scene.render.resolution_y = side
    scene.camera.data.sensor_width = SENSOR * side / shot.size
    return side


def render(scene: bpy.types.Scene, path: Path, media_type: str, file_format: str, depth: str) -> None:
    settings = scene.render.image_settings
    settings.media_type, settings.file_format, settings.color_depth = media_type, file_format, depth
    scene.cycles.use_denoising = False
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def crop(passes: FramePasses, margin: int) -> FramePasses:
    """The passes without `margin` px on every side; the camera's centre moves along."""
    if not margin:
        return passes
    inner = slice(margin, -margin)
    names = ("depth", "motion", "image", "object_id", "position", "normal", "uv")
    held = {name: array[inner, inner] for name in names if (array := getattr(passes, name)) is not None}
    camera = passes.camera
    if camera is not None:
        intrinsics = np.array(camera.intrinsics)
        intrinsics[:2, 2] -= margin
        camera = Camera(camera.matrix_world, intrinsics)
    return FramePasses(**held, position_space=passes.position_space, camera=camera, cut=passes.cut)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", choices=SCENES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--overscan", type=int, default=16)
    given = parser.parse_args()
    shot = make_shot(given.scene, given.frames, given.size, given.overscan)
    print(f"wrote {render_shot(shot, given.folder).folder}")


if __name__ == "__main__":
    main()
