"""Objects removed from rendered scenes, against the scene rendered without them.

    python tests/benchmarks/object_removal.py [--out FOLDER] [--scenes 20]

Needs `bpy`. Each scene has a ground and, from the eleventh on, a wall of procedural textures, and an object that casts no
shadow; the mask is the object, 4 px wider. Printed by scene, inside the mask: RMS error in levels of 255 of a smooth fill and of
`Inpaint` with an empty prompt, their ratio, and the mean gradient against that of a ring outside the mask (the truth has a
ratio of its own). A sheet shows picture, smooth fill, `Inpaint`, truth.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE = 256
KINDS = ("plain", "brick", "checker", "noise", "wave", "voronoi", "planks", "tiles", "grass", "plain")


def render_scenes(folder: Path, count: int) -> None:
    """NN_with.png and NN_truth.png of every scene; in a process of its own."""
    bpy: Any = import_module("bpy")
    for number in range(count):
        rng = random.Random(100 + number)  # noqa: S311 - scenes, not secrets
        bpy.ops.wm.read_factory_settings(use_empty=True)
        item = _scene(bpy, rng, number)
        for name, hidden in (("with", False), ("truth", True)):
            item.hide_render = hidden
            bpy.context.scene.render.filepath = str(folder / f"{number:02d}_{name}.png")
            bpy.ops.render.render(write_still=True)


def _scene(bpy: Any, rng: random.Random, number: int) -> Any:
    vector: Any = import_module("mathutils").Vector
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 48, "CPU"
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    sky = scene.world.node_tree.nodes["Background"]
    sky.inputs["Color"].default_value, sky.inputs["Strength"].default_value = (0.6, 0.7, 0.9, 1), 0.6
    _plane(bpy, _material(bpy, KINDS[number % 10], rng), (0, 0, 0), (0, 0, 0))
    if number >= 10:
        _plane(bpy, _material(bpy, KINDS[(number * 3 + 1) % 10], rng), (0, 4, 0), (pi / 2, 0, 0))
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    for made in (camera, sun):
        scene.collection.objects.link(made)
    scene.camera, sun.data.energy = camera, 2.5
    sun.rotation_euler = (rng.uniform(0.2, 0.8), rng.uniform(-0.4, 0.4), 0)
    camera.location = (rng.uniform(-1, 1), -6, rng.uniform(2, 5))
    camera.rotation_euler = (vector((0, 0, 0.6)) - camera.location).to_track_quat("-Z", "Y").to_euler()
    return _object(bpy, rng, number)


def _plane(bpy: Any, material: Any, location: tuple[float, ...], rotation: tuple[float, ...]) -> None:
    bpy.ops.mesh.primitive_plane_add(size=40, location=location, rotation=rotation)
    bpy.context.object.data.materials.append(material)


def _object(bpy: Any, rng: random.Random, number: int) -> Any:
    add, sizes = (
        (bpy.ops.mesh.primitive_monkey_add, {"size": 1.8}),
        (bpy.ops.mesh.primitive_cube_add, {"size": 1.4}),
        (bpy.ops.mesh.primitive_uv_sphere_add, {"radius": 0.8}),
        (bpy.ops.mesh.primitive_torus_add, {"major_radius": 0.8, "minor_radius": 0.3}),
    )[number % 4]
    add(location=(rng.uniform(-0.7, 0.7), rng.uniform(-0.6, 0.6), 0.8), **sizes)
    item = bpy.context.object
    item.data.materials.append(_material(bpy, "plain", rng))
    item.visible_shadow = item.visible_diffuse = item.visible_glossy = False
    return item


def _material(bpy: Any, kind: str, rng: random.Random) -> Any:
    def colour() -> tuple[float, ...]:
        return (*(rng.uniform(0.1, 0.8) for _ in range(3)), 1)

    material = bpy.data.materials.new(kind)
    material.use_nodes = True
    tree = material.node_tree
    base = tree.nodes["Principled BSDF"].inputs["Base Color"]
    base.default_value = colour()
    if kind == "plain":
        return material
    place, mapping = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeMapping")
    mapping.inputs["Rotation"].default_value = (0, 0, rng.uniform(0, 1.5))
    tree.links.new(place.outputs["Object"], mapping.inputs["Vector"])
    texture = tree.nodes.new(_NODES[kind])
    tree.links.new(mapping.outputs["Vector"], texture.inputs["Vector"])
    for name, value in _VALUES[kind](rng).items():
        texture.inputs[name].default_value = value
    for name in ("Color1", "Color2"):
        if name in texture.inputs:
            texture.inputs[name].default_value = colour()
    if "Color1" in texture.inputs:
        tree.links.new(texture.outputs["Color"], base)
        return material
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    for element, position in zip(ramp.color_ramp.elements, (0.3, 0.7), strict=True):
        element.color, element.position = colour(), position
    tree.links.new(texture.outputs[0], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], base)
    return material


_NODES = {
    "brick": "ShaderNodeTexBrick",
    "planks": "ShaderNodeTexBrick",
    "tiles": "ShaderNodeTexBrick",
    "checker": "ShaderNodeTexChecker",
    "noise": "ShaderNodeTexNoise",
    "grass": "ShaderNodeTexNoise",
    "wave": "ShaderNodeTexWave",
    "voronoi": "ShaderNodeTexVoronoi",
}

_VALUES: dict[str, Callable[[random.Random], dict[str, float]]] = {
    "brick": lambda rng: {"Scale": rng.uniform(1, 2.2)},
    "planks": lambda rng: {"Scale": rng.uniform(1, 2.2), "Brick Width": 2, "Row Height": 0.2},
    "tiles": lambda rng: {"Scale": rng.uniform(1, 2.2), "Brick Width": 0.4, "Row Height": 0.4},
    "checker": lambda rng: {"Scale": rng.uniform(1.2, 3)},
    "noise": lambda rng: {"Scale": rng.uniform(2, 9)},
    "grass": lambda _: {"Scale": 40, "Detail": 8},
    "wave": lambda rng: {"Scale": rng.uniform(0.6, 2), "Distortion": 3},
    "voronoi": lambda rng: {"Scale": rng.uniform(1.5, 4)},
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one scene, inside the mask."""

    smooth: float
    removed: float
    gradient: float
    true_gradient: float

    @property
    def ratio(self) -> float:
        return self.removed / self.smooth


def measure(engine: Any, shown: np.ndarray, truth: np.ndarray) -> tuple[Figures, np.ndarray]:
    """Figures of one scene, and its row of the sheet."""
    import torch

    from sd_core import Inpaint
    from sd_core.diffusion.masks import fill_from_surroundings

    off = np.abs(shown.astype(int) - truth).max(axis=2) > 8
    mask = np.asarray(ndimage.binary_fill_holes(ndimage.binary_dilation(off, iterations=4)), bool)
    result = engine.run(Inpaint(prompt="", image=shown, mask=mask.astype(np.float32), fill="surroundings")).images[0]
    pixels = torch.from_numpy(shown).permute(2, 0, 1)[None].float()
    filled = fill_from_surroundings(pixels, torch.from_numpy(mask)[None, None].float())
    smooth = filled[0].permute(1, 2, 0).numpy().round().astype(np.uint8)
    far, near = (np.asarray(ndimage.binary_dilation(mask, iterations=width), bool) for width in (24, 3))
    ring = far & ~near
    around = _gradient(shown, ring)
    figures = Figures(
        _rms(smooth, truth, mask),
        _rms(result, truth, mask),
        _gradient(result, mask) / around,
        _gradient(truth, mask) / around,
    )
    return figures, np.concatenate([shown, smooth, result, truth], axis=1)


def _rms(picture: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    return float(np.sqrt(((picture.astype(float) - truth)[mask] ** 2).mean()))


def _gradient(picture: np.ndarray, where: np.ndarray) -> float:
    plane = picture.astype(float).mean(axis=2)
    across = np.abs(np.diff(plane, axis=1))[where[:, 1:] & where[:, :-1]]
    down = np.abs(np.diff(plane, axis=0))[where[1:] & where[:-1]]
    return float(np.concatenate([across, down]).mean())


def _rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "object_removal")
    parser.add_argument("--scenes", type=int, default=20)
    parser.add_argument("--render", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.render is not None:
        render_scenes(given.render, given.scenes)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, __file__, "--render", str(given.out), "--scenes", str(given.scenes)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    from sd_core import Engine

    found, rows = [], []
    with Engine() as engine:
        for number in range(given.scenes):
            paths = (given.out / f"{number:02d}_{name}.png" for name in ("with", "truth"))
            figures, row = measure(engine, *map(_rgb, paths))
            found.append(figures)
            rows.append(row)
            print(
                f"{number:2d}  smooth {figures.smooth:5.1f}  removed {figures.removed:5.1f}  ratio {figures.ratio:.2f}"
                f"  gradient {figures.gradient:.2f} (truth {figures.true_gradient:.2f})"
            )
    ratios, gradients = [one.ratio for one in found], [one.gradient for one in found]
    print(f"error against the smooth fill: mean {np.mean(ratios):.2f}, worst {max(ratios):.2f}")
    print(f"gradient against outside: mean {np.mean(gradients):.2f}, worst {max(gradients):.2f}")
    Image.fromarray(np.concatenate(rows, axis=0)).save(given.out / "sheet.png")
    print(given.out / "sheet.png")


if __name__ == "__main__":
    main()
