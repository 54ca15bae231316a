"""Meshes come in as they are: nothing moves, the user's UVs stay, and what cannot be painted says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from sd_core.errors import RequestError
from sd_core.mesh.load import load_mesh
from sd_core.mesh.prepare import mesh_with_uvs, prepare
from sd_core.mesh.rays import Rays
from sd_core.mesh.views import coverage, plan_views
from sd_core.requests import Mesh
from sd_core.values import array_digest
from tests.mesh import shapes


def quad(x: float, u: float) -> Mesh:
    """A square at `x` that covers the UV tile which begins at `u`."""
    corners = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
    vertices = np.pad(corners + np.float32([x, 0]), ((0, 0), (0, 1)))
    return Mesh(
        vertices=vertices, faces=np.int32([[0, 1, 2], [0, 2, 3]]), uvs=corners * 0.98 + np.float32([u + 0.01, 0.01])
    )


def joined(*meshes: Mesh, same_material: bool = True) -> Mesh:
    counts = [len(m.faces) for m in meshes]
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    owner = np.repeat(np.arange(len(meshes)), counts).astype(np.uint32)
    return Mesh(
        vertices=np.concatenate([m.vertices for m in meshes]),
        faces=np.concatenate([m.faces + np.int32(s) for m, s in zip(meshes, starts[:-1], strict=True)]),
        uvs=np.concatenate([m.uvs[m.faces] for m in meshes if m.uvs is not None]),
        object_id=owner,
        material_id=owner * 0 if same_material else owner,
    )


@pytest.fixture
def scene_file(tmp_path: Path) -> Path:
    """A GLB of three objects with UVs of their own, one of them turned and mirrored."""
    scene = trimesh.Scene()
    for i, x in enumerate((-2.5, 0.0, 2.5)):
        sphere = trimesh.creation.uv_sphere(count=[16, 16])
        angle = np.arctan2(sphere.vertices[:, 1], sphere.vertices[:, 0]) / (2 * np.pi) + 0.5
        sphere.visual = trimesh.visual.TextureVisuals(uv=np.stack([angle, sphere.vertices[:, 2] / 2 + 0.5], 1))
        transform = trimesh.transformations.translation_matrix((x, 0, 0)) @ np.diag([1, 1, -1.0 if i == 1 else 1, 1])
        scene.add_geometry(sphere, node_name=f"ball{i}", transform=transform)
    path = tmp_path / "balls.glb"
    scene.export(path)
    return path


def test_a_scene_keeps_its_objects_places_and_uvs(scene_file: Path) -> None:
    mesh = load_mesh(str(scene_file))
    assert mesh.uvs is not None and mesh.object_id is not None
    assert list(np.unique(mesh.object_id)) == [0, 1, 2]
    centres = [mesh.vertices[mesh.faces[mesh.object_id == i]].mean((0, 1))[0] for i in range(3)]
    assert np.allclose(sorted(centres), [-2.5, 0, 2.5], atol=0.05)
    normals = np.cross(*(mesh.vertices[mesh.faces[:, i]] - mesh.vertices[mesh.faces[:, 0]] for i in (1, 2)))
    outwards = mesh.vertices[mesh.faces].mean(1) - np.float32(centres)[mesh.object_id][:, None] * np.float32([1, 0, 0])
    assert (np.einsum("td,td->t", normals, outwards) >= -1e-6).all()


def test_several_objects_with_their_own_uvs_are_seen_whole(scene_file: Path) -> None:
    prepared = prepare(str(scene_file), 256)
    assert prepared.reason == "the mesh's own"
    rays, size = Rays(prepared.surface), (256, 256)
    plan = plan_views(prepared.surface, prepared.texels, rays, 8, size)
    seen = coverage(prepared.surface, prepared.texels, rays, plan.cameras, size) > 0
    assert seen.mean() >= 0.995 * plan.reachable and plan.reachable > 0.99


def test_nothing_of_the_mesh_changes() -> None:
    given = joined(quad(0, 0), quad(3, 1))
    made = mesh_with_uvs(prepare(given, 64))
    for name in ("vertices", "faces", "uvs", "object_id"):
        assert array_digest(getattr(made, name)) == array_digest(getattr(given, name)), name


def test_objects_that_share_uv_space_get_textures_of_their_own() -> None:
    assert [p.name for p in prepare(joined(quad(0, 0), quad(3, 0)), 64).texels.pages] == ["0.0.1001", "0.1.1001"]
    assert [p.name for p in prepare(quad(0, 0), 64).texels.pages] == ["0.1001"]


def test_materials_and_udim_tiles_are_textures_of_their_own() -> None:
    udim = prepare(joined(quad(0, 0), quad(3, 1)), 64)
    assert [p.name for p in udim.texels.pages] == ["0.1001", "0.1002"]
    materials = prepare(joined(quad(0, 0), quad(3, 0), same_material=False), 64)
    assert [p.name for p in materials.texels.pages] == ["0.1001", "1.1001"]
    assert np.array_equal(mesh_with_uvs(materials).material_id, [0, 0, 1, 1])


def test_a_mesh_without_uvs_is_unwrapped() -> None:
    prepared = prepare(shapes.plain(shapes.torus()), 128)
    assert "xatlas" in prepared.reason and "no UVs" in prepared.reason
    assert np.array_equal(prepared.surface.vertices, np.asarray(shapes.torus().vertices, np.float32))


def test_uvs_without_area_are_replaced() -> None:
    given = shapes.plain(shapes.chair())
    flat = Mesh(vertices=given.vertices, faces=given.faces, uvs=np.zeros((len(given.vertices), 2), np.float32))
    assert "cover no texels" in prepare(flat, 128).reason


@pytest.mark.parametrize(
    "vertices",
    [np.zeros((3, 3)), np.float32([[0, 0, 0], [1, 0, 0], [2, 0, 0]])],
    ids=["a point", "a line"],
)
def test_what_has_no_area_is_refused(vertices: np.ndarray) -> None:
    with pytest.raises(RequestError, match="no face with an area"):
        prepare(Mesh(vertices=vertices.astype(np.float32), faces=np.int32([[0, 1, 2]])), 64)


def test_faces_of_which_some_are_degenerate_or_non_manifold_can_be_painted() -> None:
    body = shapes.plain(shapes.torus())
    extra = np.int32([[0, 0, 1], [5, 5, 5], [0, 1, 700], [0, 1, 900]])
    prepared = prepare(Mesh(vertices=body.vertices, faces=np.concatenate([body.faces, extra])), 256)
    plan = plan_views(prepared.surface, prepared.texels, Rays(prepared.surface), 8, (128, 128))
    assert plan.coverage >= 0.995


def test_files_that_hold_no_mesh_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no file"):
        load_mesh(str(tmp_path / "none.glb"))
    (tmp_path / "broken.glb").write_bytes(b"glTF nonsense")
    with pytest.raises(RequestError, match="cannot be read"):
        load_mesh(str(tmp_path / "broken.glb"))
    (tmp_path / "empty.obj").write_text("v 0 0 0\n")
    with pytest.raises(RequestError, match="mesh"):
        load_mesh(str(tmp_path / "empty.obj"))


@pytest.mark.parametrize("name", ["ball.zip", "ball.tar.gz", "ball.dxf", "ball", "http:"])
def test_archives_and_drawings_are_no_meshes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(RequestError, match="no format that is read"):
        load_mesh(str(tmp_path / name))


LISTEN = """
import sys
from sd_core.mesh.load import load_mesh
sys.addaudithook(lambda event, given: print(given[0]) if event in ("open", "socket.connect") else None)
load_mesh(sys.argv[1])
"""


@pytest.mark.parametrize("given", ["../secret.mtl", "{}/secret.mtl", "http://127.0.0.1:9/secret.mtl"])
def test_a_mesh_opens_nothing_outside_its_folder(tmp_path: Path, given: str) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret.mtl").write_text("newmtl secret\nKd 1 0 0\n")
    mesh = tmp_path / "inner" / "mesh.obj"
    mesh.write_text(f"mtllib {given.format(tmp_path)}\nusemtl secret\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    opened = subprocess.run(
        [sys.executable, "-c", LISTEN, str(mesh)], capture_output=True, text=True, check=True
    ).stdout
    assert str(mesh) in opened and "secret" not in opened and "127.0.0.1" not in opened


def with_buffer(folder: Path, uri: str) -> Path:
    """A glTF of one triangle, whose numbers are in the file `uri`."""
    view = {"buffer": 0, "byteOffset": 0, "byteLength": 36}
    described = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [view],
        "buffers": [{"uri": uri, "byteLength": 36}],
    }
    path = folder / "mesh.gltf"
    path.write_text(json.dumps(described), "utf-8")
    return path


def test_the_numbers_of_a_mesh_may_lie_next_to_it(tmp_path: Path) -> None:
    (tmp_path / "numbers.bin").write_bytes(np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0]]).tobytes())
    assert load_mesh(str(with_buffer(tmp_path, "numbers.bin"))).faces.shape == (1, 3)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_pipes_next_to_a_mesh_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "numbers.bin")
    with pytest.raises(RequestError, match=r"cannot be read: .*no regular file"):
        load_mesh(str(with_buffer(tmp_path, "numbers.bin")))


def test_a_mesh_that_names_files_elsewhere_is_refused_with_advice_of_ours(tmp_path: Path) -> None:
    (tmp_path / "numbers.bin").write_bytes(bytes(36))
    (tmp_path / "inner").mkdir()
    with pytest.raises(RequestError, match="lies outside its folder; export it as") as refused:
        load_mesh(str(with_buffer(tmp_path / "inner", "../../..")))
    assert "allow_anywhere" not in str(refused.value)
