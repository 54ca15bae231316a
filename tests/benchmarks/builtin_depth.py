"""Do the pictures of the built-in ControlNet follow the depth of Blender scenes that it never saw?

    python tests/benchmarks/builtin_depth.py [--model builtin] [--views 3] [--size 256]

For Suzanne, a table and a landscape: the recall of depth discontinuities by image edges within 2 px, less the same with the
depth moved by 16 px; for the model's pictures, and for Cycles' own of the same scenes in generated textures of the same
materials; and for the model's with the depth in the unconditional prediction too, as diffusers' pipeline has it. Ends with
status 1 if the first is under 0.85 of the second. Needs Blender's module `bpy`.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from PIL import Image
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from render_passes import DISTANCE, SCENES, build, render_passes, render_picture

from sd_core import Engine
from sd_core.passes import depth_control, read_exr
from sd_core.requests import DepthToImage
from sd_core.training.data import MATERIALS, SampleKind, make_sample

REACH = 2
SHIFT = 16


def discontinuities(control: np.ndarray) -> np.ndarray:
    """(h, w) bool: where inverse depth, in [0, 1], steps by more than 0.06 and not as a slope does."""
    steps = np.hypot(ndimage.prewitt(control, 0), ndimage.prewitt(control, 1)) / 3
    bend = np.abs(ndimage.laplace(control))
    return (steps > 0.06) & (bend > 0.03)


def image_edges(picture: np.ndarray, share: float = 0.12) -> np.ndarray:
    """(h, w) bool: the `share` of pixels with the strongest colour gradient after a light blur, thinned along it."""
    smooth = ndimage.gaussian_filter(picture[..., :3].astype(np.float32) / 255, (1, 1, 0))
    strength = np.sqrt(sum(ndimage.sobel(smooth, axis)[..., channel] ** 2 for axis in (0, 1) for channel in range(3)))
    ridge = (strength >= ndimage.maximum_filter1d(strength, 3, 0)) | (
        strength >= ndimage.maximum_filter1d(strength, 3, 1)
    )
    return ridge & (strength > np.quantile(strength, 1 - share))


def following(picture: np.ndarray, control: np.ndarray) -> float:
    """Recall of the depth's discontinuities, less the mean recall with the depth moved by 16 px either way."""
    near = ndimage.distance_transform_edt(~image_edges(picture)) <= REACH
    edges = discontinuities(control)
    moved = [np.roll(edges, way * SHIFT, axis) for way in (-1, 1) for axis in (0, 1)]
    return float(near[edges].mean() - np.mean([near[other].mean() for other in moved]))


def dress(texture: np.ndarray, folder: Path) -> None:
    """Put one box-projected texture on every mesh of the open scene."""
    path = folder / "texture.png"
    Image.fromarray(texture).save(path)
    material = bpy.data.materials.new("generated")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    image = nodes.new("ShaderNodeTexImage")
    image.image = bpy.data.images.load(str(path), check_existing=False)
    image.projection, image.projection_blend = "BOX", 0.2
    coordinates = nodes.new("ShaderNodeTexCoord")
    links.new(coordinates.outputs["Object"], image.inputs["Vector"])
    links.new(image.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])
    for body in bpy.data.objects:
        if body.type == "MESH":
            body.data.materials.clear()
            body.data.materials.append(material)


def look(scene: bpy.types.Scene, distance: float, angle: float) -> None:
    """Stand at `angle` (radians) around the scene and look at its middle."""
    scene.camera.location = (distance * math.cos(angle), distance * math.sin(angle), distance / 2)
    scene.camera.rotation_euler = (Vector((0, 0, 0.9)) - scene.camera.location).to_track_quat("-Z", "Y").to_euler()


def rendered(name: str, view: int, size: int, texture: np.ndarray, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Cycles' picture (h, w, 3) uint8 and depth (h, w) of a scene dressed in `texture`."""
    scene = build(name, size, size)
    dress(texture, folder)
    look(scene, DISTANCE[name], math.radians(-70 + 47 * view))
    render_picture(scene, folder / "view.png")
    render_passes(scene, folder / "view.exr")
    depth = read_exr(folder / "view.exr").depth
    assert depth is not None
    return np.asarray(Image.open(folder / "view.png").convert("RGB")), depth


def with_depth_in_both(engine: Engine, request: DepthToImage) -> np.ndarray:
    """The picture (h, w, 3) whose unconditional prediction is steered as well."""
    model = engine._resources.model(engine._default_model)
    own = model.defaults
    model.defaults = replace(own, guided_control=False)
    try:
        return engine.run(request).images[0]
    finally:
        model.defaults = own


def row(title: str, model: float, both: float, cycles: float) -> str:
    return f"{title:<43} model {model:.3f}  depth in both {both:.3f}  Cycles {cycles:.3f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--views", type=int, default=3)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    scores: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory() as folder, Engine(model=arguments.model) as engine:
        for index, name in enumerate(name for name in SCENES for _ in range(arguments.views)):
            material = MATERIALS[index * 5 % len(MATERIALS)]
            sample = make_sample(930_000_000 + index, 512, 512, kind=SampleKind.TEXTURE, material=material)
            true, depth = rendered(name, index % arguments.views, arguments.size, sample.image, Path(folder))
            prompt = f"{sample.colour} {material} {'landscape' if name == 'landscape' else 'sculpture'}"
            request = DepthToImage(prompt=prompt, depth=depth, seed=index)
            made, plain = engine.run(request).images[0], with_depth_in_both(engine, request)
            control = depth_control(depth)
            scores.append((following(made, control), following(plain, control), following(true, control)))
            print(row(f"{name:<10} {prompt}", *scores[-1]), flush=True)
    model, both, cycles = np.mean(scores, axis=0)
    print(row("mean", model, both, cycles))
    print(f"share: model {model / cycles:.2f} (wanted 0.85), depth in both predictions {both / cycles:.2f}")
    return 0 if model >= 0.85 * cycles else 1


if __name__ == "__main__":
    sys.exit(main())
