"""A mesh is taken apart into objects; tiles, light and colours are treated on the surface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from sd_core.errors import RequestError
from sd_core.mesh.light import without_light
from sd_core.mesh.load import load_mesh, load_objects
from sd_core.mesh.object_views import frame_object, plan_object_views
from sd_core.mesh.objects import split_objects
from sd_core.mesh.prepare import prepare_mesh
from sd_core.mesh.rays import Rays
from sd_core.mesh.surface import UP_Y, UP_Z, face_normals
from sd_core.mesh.tiling import tile_size_of, tile_uvs
from sd_core.mesh.views import coverage
from sd_core.passes import Camera, project
from sd_core.requests import Mesh
from sd_core.texture.colour_match import ColourStatistics, match_colours
from sd_core.texture.lab import from_lab, to_lab
from sd_core.values.luminance import luminance
from sd_core.values.srgb import decode_srgb, encode_srgb
from tests.mesh import shapes


def box(at: tuple[float, float, float] = (0, 0, 0)) -> trimesh.Trimesh:
    return trimesh.creation.box((1, 1, 1), trimesh.transformations.translation_matrix(at))


def test_objects_of_files_have_the_names_of_their_nodes(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    for name, at in (("mossy rock", 0), ("lamp", 3)):
        scene.add_geometry(box((at, 0, 0)), geom_name=name, node_name=name)
    scene.export(tmp_path / "set.glb")
    mesh = load_objects(str(tmp_path / "set.glb"))
    assert sorted(mesh.names) == ["lamp", "mossy rock"]
    lamp = next(part for part in split_objects(mesh) if part.name == "lamp")
    assert lamp.mesh.vertices[:, 0].min() == pytest.approx(2.5) and len(lamp.faces) == 12
    assert load_mesh(str(tmp_path / "set.glb")).object_names is None


def test_objects_of_obj_files_are_told_apart_whatever_their_materials(tmp_path: Path) -> None:
    quads = "\n".join(f"v {x} {y} 0\nvt {x} {y}" for x, y in ((0, 0), (1, 0), (1, 1), (0, 1)))
    (tmp_path / "set.mtl").write_text("newmtl red\nKd 1 0 0\nnewmtl blue\nKd 0 0 1\n")
    lines = ["mtllib set.mtl", quads, "o wall", "usemtl red", "f 1/1 2/2 3/3", "usemtl blue", "f 1/1 3/3 4/4"]
    (tmp_path / "set.obj").write_text("\n".join([*lines, "o door", "usemtl red", "f 1/1 2/2 4/4"]) + "\n")
    mesh = load_objects(str(tmp_path / "set.obj"))
    parts = {part.name: part for part in split_objects(mesh)}
    assert sorted(parts) == ["door", "wall"] and len(parts["wall"].faces) == 2
    assert len(np.unique(parts["wall"].mesh.material_id)) == 2


def test_an_object_alone_is_what_it_was_in_the_set() -> None:
    first, second = box(), box((4, 0, 0))
    both = trimesh.util.concatenate([first, second])
    mesh = Mesh(
        vertices=np.asarray(both.vertices, np.float32),
        faces=np.asarray(both.faces, np.int32),
        object_id=np.repeat([0, 1], 12).astype(np.uint32),
    )
    part = split_objects(mesh)[1]
    assert part.name == "object_1" and np.array_equal(part.faces, np.arange(12, 24))
    assert np.array_equal(part.mesh.vertices[part.mesh.faces], np.asarray(second.triangles, np.float32))


@pytest.mark.parametrize("up", [UP_Z, UP_Y])
def test_a_tile_covers_its_size_on_every_side_and_is_nowhere_mirrored(up: tuple[float, float, float]) -> None:
    mesh = shapes.plain(box((7, -3, 2)))
    uvs = tile_uvs(mesh, 0.25, up)
    edges, sides = np.diff(uvs, axis=1), np.diff(mesh.vertices[mesh.faces], axis=1)
    assert np.allclose(np.linalg.norm(edges, axis=2) * 0.25, np.linalg.norm(sides, axis=2), atol=1e-5)
    assert (edges[:, 0, 0] * edges[:, 1, 1] > edges[:, 0, 1] * edges[:, 1, 0]).all()
    walls = np.abs(face_normals(mesh.vertices[mesh.faces]) @ np.array(up)) < 0.5
    heights = mesh.vertices[mesh.faces] @ np.array(up, np.float32)
    assert np.allclose(np.diff(uvs[walls][..., 1], axis=1) * 0.25, np.diff(heights[walls], axis=1), atol=1e-5)


def test_a_tile_size_is_chosen_from_the_object() -> None:
    assert tile_size_of(shapes.plain(box())) == 0.25


def test_a_camera_of_a_shot_is_turned_and_zoomed_to_the_object_from_where_it_stands() -> None:
    surface = prepare_mesh(shapes.plain(box((3, 0, 0))), 64, UP_Z).surface
    matrix = np.eye(4)
    matrix[:3, 3] = (0, 0, 30)  # looks down beside the object, which would be 4 px large
    given = Camera(matrix, np.array([[100.0, 0, 64], [0, 100, 64], [0, 0, 1]]))
    framed = frame_object(given, surface, (128, 96))
    pixels, depth = project(surface.vertices, framed)
    assert np.array_equal(framed.matrix_world[:3, 3], (0, 0, 30)) and (depth > 0).all()
    assert np.ptp(pixels[:, 0]) == pytest.approx(0.96 * 96, abs=0.5) and (pixels >= 0).all()
    assert (pixels <= (96, 128)).all() and pixels.mean(axis=0) == pytest.approx((48, 64), abs=2)
    inside = Camera(np.vstack([np.c_[np.eye(3), (3, 0, 0)], [0, 0, 0, 1]]), given.intrinsics)
    assert frame_object(inside, surface, (128, 96)) is inside


def test_views_are_added_only_for_what_those_of_the_shot_do_not_see() -> None:
    prepared = prepare_mesh(shapes.plain(trimesh.creation.icosphere(2)), 128, UP_Z)
    surface, texels, rays = prepared.surface, prepared.texels, Rays(prepared.surface)
    matrix = np.eye(4)
    matrix[:3, 3] = (0, 0, 8)
    shot = [Camera(matrix, np.array([[100.0, 0, 64], [0, 100, 64], [0, 0, 1]]))]
    views = plan_object_views(surface, texels, rays, shot, 8, (128, 128))
    assert np.array_equal(views[0].matrix_world[:3, 3], (0, 0, 8)) and len(views) <= 8
    assert (coverage(surface, texels, rays, views, (128, 128)) > 0).mean() > 0.99
    assert all(view.matrix_world[2, 3] < 5 for view in views[1:])
    assert len(plan_object_views(surface, texels, rays, shot, 1, (128, 128))) == 1


def speckled(count: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0.1, 0.4, (count, 3)).astype(np.float32)


def test_light_that_follows_the_normals_is_taken_out_and_the_pattern_stays() -> None:
    sphere = trimesh.creation.icosphere(5)
    normals, linear = np.asarray(sphere.face_normals, np.float32), speckled(20480)
    light = np.exp(0.5 * normals[:, 2] + 0.2 * np.maximum(normals[:, 0], 0)).astype(np.float32)
    lit, plain = encode_srgb(linear * light[:, None]), encode_srgb(linear)
    clean = without_light(lit, normals, np.ones(20480, bool), UP_Z)
    level = luminance(decode_srgb(clean))
    up, down = level[normals[:, 2] > 0.7].mean(), level[normals[:, 2] < -0.7].mean()
    assert abs(up / down - 1) < 0.1
    ratio = np.log(level / luminance(decode_srgb(plain)))
    assert np.std(ratio) < 0.05, "what is left of the light is small against the pattern, which varies by 0.3"


def test_a_flat_object_keeps_its_brightness_and_unseen_texels_are_left_alone() -> None:
    colours = encode_srgb(speckled(4000))
    flat = np.tile(np.array([0, 0, 1], np.float32), (4000, 1))
    assert without_light(colours, flat, np.ones(4000, bool), UP_Z) is colours
    normals = np.asarray(trimesh.creation.icosphere(4).face_normals[:4000], np.float32)
    seen = np.arange(4000) % 2 == 0
    assert np.array_equal(without_light(colours, normals, seen, UP_Z)[~seen], colours[~seen])


def test_lab_is_that_of_the_standard_and_comes_back() -> None:
    red = to_lab(np.array([[1.0, 0, 0], [1, 1, 1]], np.float32))
    assert np.allclose(red, [[53.24, 80.09, 67.20], [100, 0, 0]], atol=0.02)
    colours = speckled(500)
    assert np.allclose(from_lab(to_lab(colours)), colours, atol=1e-4)


@pytest.mark.parametrize("offset", [0.05, 0.4])
def test_colours_are_brought_to_those_of_another_surface(offset: float) -> None:
    wanted = ColourStatistics.of(speckled(3000))
    given = np.clip(speckled(4000)[:, ::-1] * 1.4 + (offset, 0, 0.1), 0, 1).astype(np.float32)
    before, after = (wanted.shift(ColourStatistics.of(c)) for c in (given, match_colours(given, wanted)))
    assert before > 5 and after < 1


def test_an_object_that_a_request_names_but_the_file_lacks_is_named(tmp_path: Path) -> None:
    from sd_core.requests import MeshTexture, ObjectPaint
    from sd_core.tasks.object_jobs import mesh_of

    box().export(tmp_path / "box.glb")
    with pytest.raises(RequestError, match="no object of the mesh: 'rock'; it has "):
        mesh_of(MeshTexture(prompt="x", mesh=str(tmp_path / "box.glb"), objects=[ObjectPaint("rock")]))
