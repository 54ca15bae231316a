"""The gallery of textures: three materials tiled 3 x 3 with their maps, and a textured mesh from four sides.

python tests/benchmarks/texture_gallery.py examples/pictures/textures.webp [--mesh model.glb] [--prompt "rusty metal"]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image

from sd_core import Engine
from sd_core.material.pictures import stored_pictures
from sd_core.material.preview import preview
from sd_core.mesh.rays import Rays
from sd_core.mesh.render import RenderedView, render
from sd_core.mesh.surface import UP_Z, Surface
from sd_core.mesh.views import look_from
from sd_core.requests import Mesh, MeshTexture, NormalConvention, Texture
from sd_core.results import Result
from sd_core.values.srgb import decode_srgb, encode_srgb

PROMPTS = ("mossy cobblestone", "old red brick wall", "wet wood planks")
SIDE = 288
LIGHT = np.float32([-0.4, 0.5, 0.77])


def material(result: Result) -> np.ndarray:
    """The preview that is saved with a texture."""
    return preview(stored_pictures(result.images[0], result.maps, NormalConvention.OPENGL))


def four_sides(result: Result) -> np.ndarray:
    """(SIDE, 4 * SIDE, 3) uint8: the textured mesh under one light."""
    mesh: Mesh = result.mesh
    assert mesh.uvs is not None and mesh.object_id is not None and mesh.material_id is not None
    up = UP_Z if result.report is None or result.report["up"] == "z" else (0.0, 1.0, 0.0)
    surface = Surface(
        vertices=mesh.vertices,
        faces=mesh.faces.astype(np.int64),
        uvs=mesh.uvs,
        object_id=mesh.object_id.astype(np.int64),
        material_id=mesh.material_id.astype(np.int64),
        up=up,
    )
    rays = Rays(surface)
    turned = [(np.cos(a), np.sin(a)) for a in np.radians([-60.0, 30.0, 120.0, 210.0])]
    ways = [np.array([x, y, 0.35] if up == UP_Z else [y, 0.35, x]) for x, y in turned]
    views = [render(surface, rays, look_from(way, surface, (SIDE * 2, SIDE * 2)), (SIDE * 2, SIDE * 2)) for way in ways]
    return np.concatenate([shaded(view, surface, result.images) for view in views], axis=1)


def shaded(view: RenderedView, surface: Surface, textures: object) -> np.ndarray:
    """Lambert under a light that stands by the camera, twice as large and then halved."""
    pages = np.asarray(textures)
    size = pages.shape[1]
    page = surface.material_id[view.face]
    column = (view.uv[..., 0] % 1 * size).astype(int) % size
    row = ((1 - view.uv[..., 1] % 1) * size).astype(int) % size
    normals = surface_normals(view, surface)
    light = view.camera.matrix_world[:3, :3].astype(np.float32) @ LIGHT
    bright = 0.25 + 0.85 * np.maximum(normals @ light, 0)
    colour = decode_srgb(pages[page, row, column] / np.float32(255)) * bright[..., None]
    colour[view.face < 0] = 0.045
    large = np.clip(colour, 0, 1).reshape(SIDE, 2, SIDE, 2, 3).mean(axis=(1, 3))
    return np.rint(encode_srgb(large) * 255).astype(np.uint8)


def surface_normals(view: RenderedView, surface: Surface) -> np.ndarray:
    """Smooth normals, turned towards the camera."""
    body = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    corners = body.vertex_normals[surface.faces[view.face]].astype(np.float32)
    points = surface.corners[view.face]
    edges = np.linalg.norm(points - view.position[..., None, :], axis=-1)
    near = 1 / np.maximum(edges, 1e-6)
    mixed = np.einsum("hwk,hwkd->hwd", near, corners)
    return mixed / np.maximum(np.linalg.norm(mixed, axis=-1, keepdims=True), 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--mesh")
    parser.add_argument("--prompt", default="rusty metal")
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    torus = trimesh.creation.torus(1.0, 0.45, major_sections=64, minor_sections=32)
    plain = Mesh(vertices=torus.vertices.astype(np.float32), faces=torus.faces.astype(np.int32))
    shared = {"model": options.model, "seed": 1, "num_inference_steps": options.steps}
    with Engine() as engine:
        sheets = [material(engine.run(Texture(prompt=prompt, **shared))) for prompt in PROMPTS]
        mesh = engine.run(MeshTexture(prompt=options.prompt, mesh=options.mesh or plain, **shared))
    sides = Image.fromarray(four_sides(mesh)).resize((sheets[0].shape[1], sheets[0].shape[1] // 4))
    Image.fromarray(np.concatenate([*sheets, np.asarray(sides)])).reduce(2).save(options.output, quality=80)


if __name__ == "__main__":
    main()
