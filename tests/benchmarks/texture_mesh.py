"""Planned views, safe edges and gutters against the naive way, on perfect views of a known solid texture, in one run.

    python tests/benchmarks/texture_mesh.py [--size 1024]

Prints, for each body: what eight planned and eight fixed views see of what can be seen; PSNR of the baked texture with
and without care at edges; the step across UV seams with and without gutters; agreement of views whose colours were
shifted (sigma 0.05), as they are and harmonised. Suzanne is there where Blender's module `bpy` is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np
import trimesh

from sd_core.mesh.fill import fill_gutters, fill_unseen
from sd_core.mesh.gather import ViewColours, blend, harmonise, look_up
from sd_core.mesh.rays import Rays
from sd_core.mesh.render import render
from sd_core.mesh.texels import find_texels
from sd_core.mesh.views import coverage, look_from, plan_views
from tests.mesh import shapes
from tests.mesh.test_bake import overlap_psnr, psnr, seam_steps, solid


def suzanne() -> trimesh.Trimesh:
    """Blender's monkey, subdivided once."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_monkey_add()
    subdivided = bpy.context.object.modifiers.new("subdivision", "SUBSURF")
    subdivided.levels = 1
    mesh = bpy.context.object.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    mesh.calc_loop_triangles()
    faces = [triangle.vertices[:] for triangle in mesh.loop_triangles]
    return trimesh.Trimesh([vertex.co[:] for vertex in mesh.vertices], faces, process=False)


def bodies() -> dict[str, Callable[[], trimesh.Trimesh]]:
    found = {"torus": shapes.torus, "knot": shapes.knot, "chair": shapes.chair}
    return found | ({"suzanne": suzanne} if importlib.util.find_spec("bpy") else {})


def measure(name: str, mesh: trimesh.Trimesh, size: int) -> str:
    picture = (size, size)
    start = perf_counter()
    surface = shapes.surface_of(mesh, size)
    texels, rays = find_texels(surface, size), Rays(surface)
    plan = plan_views(surface, texels, rays, 8, picture)
    planned = time_of(start)
    angles = np.arange(8) * np.pi / 4
    fixed = [look_from(np.array([np.cos(a), np.sin(a), 0.27]), surface, picture) for a in angles]
    everything = coverage(surface, texels, rays, plan.cameras, picture) > 0
    share = min(everything.mean() / plan.reachable, 1.0)
    naive_share = (coverage(surface, texels, rays, fixed, picture) > 0).mean() / plan.reachable
    start = perf_counter()
    views = [render(surface, rays, camera, picture) for camera in plan.cameras]
    careful = [look_up(solid(v.position), v, surface, texels, rays) for v in views]
    colours, weight = blend(careful, len(texels))
    colours = fill_unseen(colours, weight > 0, surface, texels)
    covered = texels.image(np.ones(len(texels), bool))
    bare = texels.image(colours)
    pages = fill_gutters(bare, covered)
    baked = time_of(start)
    truth = solid(texels.positions(surface))
    careless = [look_up(solid(v.position), v, surface, texels, rays, erosion=-50.0) for v in views]
    rough, rough_weight = blend(careless, len(texels))
    shifts = np.random.default_rng(5).normal(0, 0.05, (len(careful), 3)).astype(np.float32)
    raw = [ViewColours(g.index, g.colour * 0.6 + 0.2 + s, g.weight) for g, s in zip(careful, shifts, strict=True)]
    columns = [
        f"{name:<9}{len(surface.faces):>7}{len(plan.cameras):>6}",
        f"{share:>9.2%}{naive_share:>9.2%}",
        f"{psnr((colours - truth)[weight > 0]):>8.1f}{psnr((rough - truth)[rough_weight > 0]):>8.1f}",
        f"{seam_steps(surface, pages).mean() * 255:>7.2f}{seam_steps(surface, bare).mean() * 255:>7.1f}",
        f"{overlap_psnr(harmonise(raw, len(texels)), len(texels)):>8.1f}{overlap_psnr(raw, len(texels)):>7.1f}",
        f"{planned:>7.1f}{baked:>6.1f}",
    ]
    return " |".join(columns)


def time_of(start: float) -> float:
    return perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024)
    size = parser.parse_args().size
    print("                       |  seen of reachable |  bake, dB       | seam, 8 bit  |  overlap, dB   |  seconds")
    print("body       faces views |  planned   fixed |   safe  unsafe | gutter  none |  solved   raw |   plan  bake")
    for name, make in bodies().items():
        print(measure(name, make(), size), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
