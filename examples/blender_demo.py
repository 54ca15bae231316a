"""Build a small scene in Blender and stylise it in the background: one picture and a short animation without flicker.

    python examples/blender_demo.py out/                      with the module bpy (pip install bpy)
    blender -b -P examples/blender_demo.py -- out/            with an installed Blender and the extension

writes `out/demo.blend`, `out/still.png`, and in `out/Scene/` the frames and a video. A server is started unless one runs.
"""

from __future__ import annotations

import argparse
import importlib
import math
import sys
from pathlib import Path
from typing import Any

import bpy

HERE = Path(__file__).resolve().parents[1]


def build(frames: int, width: int, height: int) -> bpy.types.Scene:
    """Suzanne turning on a pedestal, seen by a camera that moves in a quarter circle."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("sky")
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.frame_start, scene.frame_end = 1, frames
    bpy.ops.mesh.primitive_plane_add(size=14)
    bpy.ops.mesh.primitive_cylinder_add(radius=1.1, depth=0.8, location=(0, 0, 0.4), vertices=48)
    bpy.ops.mesh.primitive_monkey_add(size=2, location=(0, 0, 1.7))
    monkey = bpy.context.object
    monkey.modifiers.new("smooth", "SUBSURF").render_levels = 2
    _keys(monkey, "rotation_euler", 2, {1: -0.3, frames: 0.3})
    bpy.ops.object.light_add(type="SUN", rotation=(math.radians(50), 0, math.radians(30)))
    eye = bpy.data.objects.new("turntable", None)
    scene.collection.objects.link(eye)
    _keys(eye, "rotation_euler", 2, {1: -0.35, frames: 0.35})
    bpy.ops.object.camera_add(location=(0, -6, 3), rotation=(math.radians(75), 0, 0))
    scene.camera = bpy.context.object
    scene.camera.parent = eye
    return scene


def choose(scene: bpy.types.Scene, options: argparse.Namespace) -> None:
    """The settings that the panels show."""
    settings = scene.sd_core
    settings.prompt = options.prompt
    settings.use_seed = settings.use_num_inference_steps = True
    settings.seed, settings.num_inference_steps = 3, options.steps
    settings.stylise.output = str(options.folder)
    settings.stylise.overscan = 16


def still(scene: bpy.types.Scene, addon: Any, path: Path) -> None:
    """Stylise the first frame and save it."""
    bpy.ops.sdcore.stylise_render()
    addon.jobs.wait(addon.jobs.running_jobs()[-1])
    image = bpy.data.images[f"{scene.name} {scene.frame_current} stylised"]
    path.write_bytes(image.packed_file.data)


def main() -> None:
    """Build, save and stylise."""
    options = _options()
    options.folder = options.folder.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    scene = build(options.frames, options.width, options.height)
    addon = _addon()
    choose(scene, options)
    bpy.ops.wm.save_as_mainfile(filepath=str(options.folder / "demo.blend"))
    still(scene, addon, options.folder / "still.png")
    print(f"wrote {options.folder / 'still.png'}")
    addon.farm.main([])


def _addon() -> Any:
    """The installed extension, else the one next to this file; with its jobs and its farm."""
    found = next((name for name in bpy.context.preferences.addons.keys() if name.endswith(".sd_core")), "")  # noqa: SIM118
    if not found:
        sys.path.insert(0, str(HERE))
    package = importlib.import_module(found or "blender_addon")
    if not hasattr(bpy.types.Scene, "sd_core"):
        package.register()
    for part in ("jobs", "farm"):
        importlib.import_module(f"{package.__name__}.{part}")
    return package


def _keys(item: bpy.types.Object, path: str, axis: int, values: dict[int, float]) -> None:
    for frame, value in values.items():
        getattr(item, path)[axis] = value
        item.keyframe_insert(path, index=axis, frame=frame)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompt", default="mossy stone")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--steps", type=int, default=12)
    own = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    return parser.parse_args(own)


if __name__ == "__main__":
    main()
