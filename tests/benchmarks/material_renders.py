"""Estimated materials beside the true ones, rendered by Cycles under three lights.

    python tests/benchmarks/material_renders.py SHEET.png [--material brick --material tiles ...]

A row for each material: the picture; the estimated material under a low sun from the left, from above, and a high one; the
true one under the same. Blender runs in a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sd_core.display import contact_sheet
from sd_core.encoding import encode_png
from sd_core.material.deep import encode_png16
from sd_core.requests import TextureMap
from sd_core.texture import builtin_estimator, make_material
from sd_core.texture.relief import encode_normals, normals_from_height
from sd_core.training.data.materials import Material
from sd_core.training.data.sample import draw_surface
from sd_core.training.material_maps import roughness_of

LIGHTS = ((-60.0, 0.0), (0.0, 60.0), (20.0, -20.0))
"""Degrees by which the sun leans to the left and upwards."""
SIDE = 256
SEED = 900_000_000

Maps = dict[str, NDArray[np.float32]]


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--material", action="append", default=[], choices=[str(m) for m in Material])
    parser.add_argument("--render", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.render:
        render(asked.sheet)
        return
    cells = [
        cell for name in asked.material or ("brick", "tiles", "cobblestone", "planks") for cell in row(Material(name))
    ]
    Image.fromarray(contact_sheet(cells, columns=1 + 2 * len(LIGHTS))).save(asked.sheet)


def row(material: Material) -> list[NDArray[np.uint8]]:
    """The picture, and renders of the estimate and of the truth."""
    surface, drawn, _ = draw_surface(SEED, SIDE, sizes=(34, 72), held_out=True, materials=(material,))
    found = make_material(drawn / np.float32(255), estimator=builtin_estimator()).maps
    height = torch.from_numpy(surface.height.astype(np.float32))[None, None]
    true = {
        "base": surface.albedo.astype(np.float32),
        "normal": encode_normals(normals_from_height(surface.height, 1.0)),
        "rough": roughness_of(torch.full((1, 1, 1, 1), surface.gloss), height)[0, 0].numpy(),
        "metal": np.full((SIDE, SIDE), float(material is Material.METAL), np.float32),
    }
    names = (TextureMap.BASE_COLOR, TextureMap.NORMAL, TextureMap.ROUGHNESS, TextureMap.METALLIC)
    estimate = dict(zip(true, (found[name] for name in names), strict=True))
    return [drawn, *rendered(estimate), *rendered(true)]


def rendered(maps: Maps) -> list[NDArray[np.uint8]]:
    """The material under each light."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "base.png").write_bytes(encode_png(maps["base"]))
        for kind in ("normal", "rough", "metal"):
            (folder / f"{kind}.png").write_bytes(encode_png16(maps[kind]))
        subprocess.run([sys.executable, __file__, str(folder), "--render"], check=True, capture_output=True)
        return [np.asarray(Image.open(folder / f"lit-{i}.png").convert("RGB")) for i in range(len(LIGHTS))]


def render(folder: Path) -> None:
    """In the process that has Blender: a plane that fills the picture, under each light."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 16
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    scene.view_settings.view_transform = "Standard"
    bpy.ops.mesh.primitive_plane_add(size=2)
    bpy.context.object.data.materials.append(_material(bpy, folder))
    bpy.ops.object.camera_add(location=(0, 0, 3))
    scene.camera = bpy.context.object
    scene.camera.data.type, scene.camera.data.ortho_scale = "ORTHO", 2
    scene.world = bpy.data.worlds.new("sky")
    scene.world.color = (0.35, 0.35, 0.38)
    bpy.ops.object.light_add(type="SUN")
    sun = bpy.context.object
    sun.data.energy = 3.0
    for index, (aside, upwards) in enumerate(LIGHTS):
        sun.rotation_euler = (np.radians(-upwards), np.radians(aside), 0)
        scene.render.filepath = str(folder / f"lit-{index}.png")
        bpy.ops.render.render(write_still=True)


def _material(bpy: object, folder: Path) -> object:
    material = bpy.data.materials.new("shown")  # type: ignore[attr-defined]
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = nodes["Principled BSDF"]
    for kind, socket in (("base", "Base Color"), ("rough", "Roughness"), ("metal", "Metallic"), ("normal", "Normal")):
        picture = nodes.new("ShaderNodeTexImage")
        picture.image = bpy.data.images.load(str(folder / f"{kind}.png"))  # type: ignore[attr-defined]
        colour = picture.outputs["Color"]
        if kind != "base":
            picture.image.colorspace_settings.name = "Non-Color"
        if kind == "normal":
            bump = nodes.new("ShaderNodeNormalMap")
            links.new(colour, bump.inputs["Color"])
            colour = bump.outputs["Normal"]
        links.new(colour, shader.inputs[socket])
    return material


if __name__ == "__main__":
    main()
