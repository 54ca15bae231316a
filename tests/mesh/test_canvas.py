"""What is painted stays, what is missing is asked for, and files show what the canvas holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import trimesh

from sd_core import load_request
from sd_core.mesh.canvas import PaintedTexture
from sd_core.mesh.gather import look_up
from sd_core.mesh.prepare import Prepared, mesh_with_uvs
from sd_core.mesh.render import RenderedView, render
from sd_core.mesh.views import seen_cosines
from sd_core.requests import MeshTexture
from sd_core.results import Result
from tests.mesh import shapes
from tests.mesh.conftest import SIZE, Body
from tests.mesh.test_bake import solid

PICTURE = (SIZE, SIZE)


def started(made: Body) -> tuple[PaintedTexture, list[RenderedView]]:
    """A canvas painted from the first view, and all views."""
    canvas = PaintedTexture(Prepared(made.surface, made.texels, "xatlas"))
    views = [render(made.surface, made.rays, camera, PICTURE) for camera in made.plan.cameras]
    paint(canvas, made, views[0])
    return canvas, views


def paint(canvas: PaintedTexture, made: Body, view: RenderedView) -> None:
    colours = look_up(solid(view.position), view, made.surface, made.texels, made.rays)
    positions, normals = made.texels.positions(made.surface), made.texels.normals(made.surface)
    at = colours.index
    canvas.add(colours, seen_cosines(positions[at], normals[at], view.camera, made.surface, made.rays, view.size))


def test_a_view_that_was_painted_has_nothing_left_to_do(body: Callable[[str], Body]) -> None:
    canvas, views = started(body("torus"))
    brief = canvas.view_start(views[0])
    seen = views[0].face >= 0
    assert brief.new < 0.06
    kept = seen & (brief.start == 1) & (views[0].safe > 4)
    error = np.abs(brief.picture / 255 - solid(views[0].position))[kept]
    assert error.mean() < 0.01


def test_what_was_hidden_is_new_and_what_was_seen_flat_is_refined(body: Callable[[str], Body]) -> None:
    made = body("torus")
    canvas, views = started(made)
    opposite = max(views, key=lambda v: -(v.camera.matrix_world[:3, 2] @ views[0].camera.matrix_world[:3, 2]))
    brief = canvas.view_start(opposite)
    assert brief.new > 0.3
    assert {0.0, 1.0} <= set(np.unique(brief.start)) <= {0.0, 0.5, 1.0}
    assert (brief.start[opposite.face < 0] == 0).all()


def test_after_all_views_the_texture_is_whole_and_right(body: Callable[[str], Body]) -> None:
    made = body("torus")
    canvas, views = started(made)
    for view in views[1:]:
        paint(canvas, made, view)
    pages, weight = canvas.finish()
    assert pages.shape == (1, SIZE, SIZE, 3) and (weight > 0).mean() > 0.995
    truth = solid(made.texels.positions(made.surface))
    held = pages[made.texels.page, made.texels.row, made.texels.column]
    assert np.abs(held - truth).mean() < 0.005
    assert min(canvas.disagreement()) > 35


def test_saved_files_show_the_texture_on_the_unchanged_mesh(body: Callable[[str], Body], tmp_path: Path) -> None:
    made = body("torus")
    canvas, _ = started(made)
    page = np.rint(canvas.finish()[0][0] * 255).astype(np.uint8)
    request = MeshTexture(prompt="Rusty iron", mesh=shapes.plain(shapes.torus()), seed=1, texture_size=SIZE)
    mesh = mesh_with_uvs(Prepared(made.surface, made.texels, ""))
    result = Result(images=[page], request=request, mesh=mesh, report={"textures": ["0.1001"], "up": "z"})
    paths = {path.suffix: path for path in result.save(tmp_path / "out")}
    assert load_request(tmp_path / "out" / f"rusty_iron_diff_{SIZE}.png") == request
    for path in (paths[".glb"], paths[".obj"], result.save(tmp_path / "one.glb")[0]):
        read = trimesh.load(path, force="mesh", process=False)
        assert len(read.faces) == len(mesh.faces)
        texture = np.asarray(getattr(read.visual.material, "baseColorTexture", None) or read.visual.material.image)
        assert np.array_equal(texture[..., :3], page)
        assert shows_the_same(read, made, page, upright=path.suffix == ".obj")


def shows_the_same(read: trimesh.Trimesh, made: Body, page: np.ndarray, *, upright: bool) -> bool:
    """Whether each face's middle has its place and its texel still, in whatever order faces come."""
    middles = made.surface.corners.mean(axis=1)
    found = (
        np.asarray(read.triangles_center) if upright else np.asarray(read.triangles_center)[:, [0, 2, 1]] * [1, -1, 1]
    )
    uv = np.asarray(read.visual.uv)[read.faces].mean(axis=1)
    first, second = np.lexsort(np.round(middles, 4).T), np.lexsort(np.round(found, 4).T)
    same_place = np.allclose(middles[first], found[second], atol=1e-3)
    return bool(same_place and np.allclose(made.surface.uvs.mean(axis=1)[first], uv[second], atol=1e-4))
