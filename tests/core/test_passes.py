"""Depth, motion, normals, cameras: the conventions that the whole project leans on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sd_core import Camera, FramePasses, RequestError
from sd_core.passes import (
    Sidecar,
    blender_intrinsics,
    camera_normals,
    depth_control,
    finite_range,
    frame_paths,
    motion_from_offsets,
    motion_offsets,
    normal_control,
    project,
    read_sidecar,
    unproject,
    write_sidecar,
)
from tests.core import strategies


def turned(x: float, y: float, z: float) -> np.ndarray:
    """A rotation by Euler angles in radians."""
    cx, cy, cz = np.cos([x, y, z])
    sx, sy, sz = np.sin([x, y, z])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def placed(rotation: np.ndarray, location: tuple[float, float, float] = (0, 0, 0)) -> Camera:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, location
    return Camera(matrix, blender_intrinsics((8, 16), 35))


angles = st.floats(-3, 3)
cameras = st.builds(placed, st.builds(turned, angles, angles, angles), st.tuples(angles, angles, angles))


@given(strategies.planar_depths)
def test_a_control_picture_lies_between_black_background_and_white_foreground(depth: np.ndarray) -> None:
    if not np.isfinite(depth).any():
        with pytest.raises(RequestError, match="background everywhere"):
            depth_control(depth)
        return
    control = depth_control(depth)
    near, far = finite_range(depth)
    assert control.dtype == np.float32 and control.min() >= 0 and control.max() == 1
    assert (control[np.isinf(depth)] == 0).all()
    assert (control[depth == near] == 1).all() and (near == far or (control[depth == far] == 0).all())


@given(strategies.planar_depths)
def test_nearer_is_never_darker(depth: np.ndarray) -> None:
    control = depth_control(depth, (0.5, 20))
    assert (np.diff(control.ravel()[np.argsort(depth.ravel())]) <= 0).all()


def test_the_control_picture_is_linear_in_inverse_depth() -> None:
    depth = 1 / np.linspace(0.1, 1, 10, dtype=np.float32)[None]
    assert np.allclose(depth_control(depth), np.linspace(0, 1, 10), atol=1e-6)


def test_one_range_for_a_sequence_keeps_a_still_object_still() -> None:
    alone, with_other = np.full((8, 8), 10.0, np.float32), np.full((8, 8), 10.0, np.float32)
    alone[0], with_other[0] = 20, 20
    with_other[1] = 2
    span = finite_range([alone, with_other])
    assert span == (2, 20)
    assert np.array_equal(depth_control(alone, span)[5], depth_control(with_other, span)[5])
    assert not np.array_equal(depth_control(alone)[5], depth_control(with_other)[5])


def test_frames_of_background_do_not_count_in_a_sequence() -> None:
    nothing = np.full((8, 8), np.inf, np.float32)
    assert finite_range([nothing, np.ones((8, 8), np.float32)]) == (1, 1)
    assert (depth_control(nothing, (1, 2)) == 0).all()


def test_a_depth_picture_is_divided_by_255_and_has_no_range() -> None:
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert np.array_equal(depth_control(picture), picture.astype(np.float32) / 255)
    with pytest.raises(RequestError, match="depth_range"):
        depth_control(picture, (1, 2))


def test_a_wall_that_faces_the_camera_is_white() -> None:
    assert (depth_control(np.full((8, 8), 3.0, np.float32)) == 1).all()


def test_motion_points_to_the_previous_and_to_the_next_place() -> None:
    """A square moves 3 px right and 2 px down in each frame of a top-left image."""
    motion = np.zeros((32, 32, 4), np.float32)
    motion[...] = (-3, 2, -3, 2)  # previous - current, then current - next, y up
    to_previous, to_next = motion_offsets(motion)
    current = np.array([15, 12])
    assert np.array_equal(current + to_previous[12, 15], (12, 10))
    assert np.array_equal(current + to_next[12, 15], (18, 14))


@given(strategies.vectors(4))
def test_motion_to_offsets_and_back_is_the_same(motion: np.ndarray) -> None:
    assert np.array_equal(motion_from_offsets(*motion_offsets(motion)), motion)


@given(cameras, strategies.vectors(3))
def test_camera_normals_have_unit_length_and_background_none(camera: Camera, normal: np.ndarray) -> None:
    found = camera_normals(normal, camera)
    length = np.linalg.norm(found, axis=-1)
    nothing = (np.abs(normal) < 1e-6).all(axis=-1)
    assert np.allclose(length[~nothing], 1, atol=1e-5) and (found[(normal == 0).all(-1)] == 0).all()


@given(st.builds(turned, angles, angles, angles))
def test_a_surface_that_faces_the_camera_is_blue_whatever_the_camera_does(rotation: np.ndarray) -> None:
    towards = np.broadcast_to(rotation[:, 2], (8, 8, 3)).astype(np.float32)
    assert np.allclose(normal_control(towards, placed(rotation)), (0.5, 0.5, 1), atol=1e-5)


@pytest.mark.parametrize(("side", "colour"), [((-1, 0, 0), (1, 0.5, 0.5)), ((0, 1, 0), (0.5, 1, 0.5))])
def test_red_is_left_and_green_is_top(side: tuple[int, int, int], colour: tuple[float, float, float]) -> None:
    rotation = turned(0.4, -1.1, 2.0)
    normal = np.broadcast_to(rotation @ side, (8, 8, 3)).astype(np.float32)
    assert np.allclose(normal_control(normal, placed(rotation)), colour, atol=1e-5)


def test_background_of_a_normal_control_faces_the_viewer() -> None:
    assert (normal_control(np.zeros((8, 8, 3), np.float32), placed(np.eye(3))) == (0.5, 0.5, 1)).all()


@given(cameras, strategies.planar_depths)
def test_projecting_what_was_unprojected_gives_pixel_and_depth(camera: Camera, depth: np.ndarray) -> None:
    seen = np.isfinite(depth)
    pixels, found = project(unproject(depth, camera), camera)
    rows, columns = np.mgrid[0:8, 0:16] + 0.5
    assert np.allclose(found[seen], depth[seen], rtol=1e-5)
    assert np.allclose(pixels[seen], np.stack([columns, rows], -1)[seen], atol=1e-4)


def test_a_point_to_the_upper_right_appears_there() -> None:
    pixels, depth = project(np.array([1.0, 1.0, -5.0]), placed(np.eye(3)))
    assert pixels[0] > 8 and pixels[1] < 4 and depth == 5


@pytest.mark.parametrize(
    ("size", "expected"), [((480, 640), 640 * 50 / 36), ((640, 480), 640 * 50 / 36), ((512, 512), 512 * 50 / 36)]
)
def test_blender_fits_the_sensor_to_the_longer_side(size: tuple[int, int], expected: float) -> None:
    matrix = blender_intrinsics(size, 50)
    assert np.allclose(matrix[[0, 1], [0, 1]], expected)
    assert matrix[0, 2] == size[1] / 2 and matrix[1, 2] == size[0] / 2


@given(cameras, st.booleans())
def test_a_sidecar_is_read_as_it_was_written(camera: Camera, cut: bool) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder, "0001.exr")
        assert write_sidecar(frame, Sidecar(camera=camera, cut=cut)).name == "0001.json"
        assert read_sidecar(frame) == Sidecar(camera=camera, cut=cut)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"matrix_world": 3}', '{"matrix_world": [[1]], "intrinsics": [[1]]}'])
def test_a_damaged_sidecar_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "0001.json").write_text(text)
    with pytest.raises(RequestError, match=r"0001\.json"):
        read_sidecar(tmp_path / "0001.exr")


def test_no_sidecar_is_an_empty_one(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / "0001.exr") == Sidecar()


def test_a_pattern_finds_frames_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("f_0010.exr", "f_0002.exr", "f_-0001.exr", "f_12345.exr", "f_02.exr", "g_0001.exr", "f_0003.png"):
        (tmp_path / name).touch()
    found = [path.name for path in frame_paths(str(tmp_path / "f_####.exr"))]
    assert found == ["f_-0001.exr", "f_0002.exr", "f_0010.exr", "f_12345.exr"]


@pytest.mark.parametrize("pattern", ["f_0001.exr", "f_##_##.exr", "h_####.exr", "nowhere/####.exr"])
def test_a_pattern_without_frames_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(RequestError, match=r"^passes: "):
        frame_paths(str(tmp_path / pattern))


def test_passes_of_a_frame_are_frozen_and_compared_by_content() -> None:
    depth = np.ones((8, 8), np.float32)
    first, second = FramePasses(depth=depth, cut=True), FramePasses(depth=depth.copy(), cut=True)
    assert first == second and hash(first) == hash(second) and first.size == (8, 8)
    assert first != FramePasses(depth=depth) and FramePasses().size is None
