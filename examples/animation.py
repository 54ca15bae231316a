"""Render a small scene with Blender's module `bpy`, style every frame, and write a movie, a GIF and a page about it.

    python examples/animation.py out/ --prompt "mossy cobblestone" --frames 48

writes `out/render/0001.exr` ... (depth, motion vectors, object index, position, rendered `--overscan` px larger than the
picture on every side, so that what enters is made before it is seen), `out/render/0001.png` ... (the pictures),
`out/styled/` (the frames with their report, `report.html`), `out/animation.mp4`, and `out/animation.gif`: render and result
side by side. Stopped and started again with `--resume` it goes on where it was.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from render_passes import DISTANCE, build, camera_of, render_passes, render_picture

from sd_core import Engine
from sd_core.animation.media.movie import saved_frames, write_gif, write_mp4
from sd_core.animation.media.report import write_page
from sd_core.passes import Sidecar, frame_paths, read_exr, write_sidecar
from sd_core.requests import Animation
from sd_core.values import Array, read_picture

FPS = 16


def sway(scene: bpy.types.Scene, distance: float, frames: int) -> None:
    """Let the camera swing once to the side and back, so that the movie can be shown in a loop."""
    for frame in range(frames + 2):
        turn = 2 * math.pi * (frame - 1) / frames
        angle = math.radians(-64 + 14 * math.sin(turn))
        away, high = distance * (1 - 0.06 * math.cos(turn)), distance * (0.5 + 0.05 * math.cos(turn))
        scene.camera.location = (away * math.cos(angle), away * math.sin(angle), high)
        look = Vector((0, 0, 0.9)) - scene.camera.location
        scene.camera.rotation_euler = look.to_track_quat("-Z", "Y").to_euler()
        scene.camera.keyframe_insert("location", frame=frame)
        scene.camera.keyframe_insert("rotation_euler", frame=frame)


def widen(scene: bpy.types.Scene, size: int, margin: int) -> None:
    """Render `margin` px more on every side; the sensor grows along, so that the focal length in px stays."""
    side = size + 2 * margin
    scene.render.resolution_x = scene.render.resolution_y = side
    scene.camera.data.sensor_width = 36.0 * side / size


def render_frames(name: str, folder: Path, frames: int, size: int, margin: int) -> None:
    """Passes, cameras and pictures of every frame that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = build(name, size, size)
    sway(scene, DISTANCE[name], frames)
    for frame in range(1, frames + 1):
        stem = folder / f"{frame:04d}"
        if stem.with_suffix(".json").is_file():
            continue
        scene.frame_set(frame)
        widen(scene, size, 0)
        render_picture(scene, stem.with_suffix(".png"))
        widen(scene, size, margin)
        render_passes(scene, stem.with_suffix(".exr"))
        write_sidecar(stem.with_suffix(".exr"), Sidecar(camera=camera_of(scene)))


def side_by_side(left: Array, right: Array, gap: int = 4) -> Array:
    """Two pictures side by side on white."""
    white = np.full((left.shape[0], gap, 3), 255, np.uint8)
    return np.hstack([left[..., :3], white, right[..., :3]])


def main() -> None:
    """Render, style and write what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scene", choices=DISTANCE, default="suzanne")
    parser.add_argument("--prompt", default="mossy cobblestone")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--overscan", type=int, default=16)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--resume", action="store_true")
    given = parser.parse_args()
    folder = given.folder.resolve()
    render_frames(given.scene, folder / "render", given.frames, given.size, given.overscan)
    pattern = str(folder / "render" / "####.exr")
    request = Animation(
        prompt=given.prompt, passes=pattern, overscan=given.overscan, num_inference_steps=given.steps, seed=given.seed
    )
    with Engine(model=given.model) as engine:
        engine.run(request, folder / "styled", resume=given.resume)
    frames = saved_frames(folder / "styled")
    pairs = [
        side_by_side(read_picture(folder / "render" / f"{i + 1:04d}.png"), frame) for i, frame in enumerate(frames)
    ]
    paths = frame_paths(pattern)
    written = [
        write_mp4(frames, folder / "animation.mp4", FPS),
        write_gif(pairs, folder / "animation.gif", FPS),
        write_page(folder / "styled", lambda index: read_exr(paths[index]), FPS, given.overscan),
    ]
    print("\n".join(f"wrote {path}" for path in written))


if __name__ == "__main__":
    main()
