"""A scene that the real Blender rendered, from its passes to a picture."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sd_core import DepthToImage, Engine, FramePasses, read_exr
from sd_core.passes import depth_control, finite_range, project, unproject
from sd_core.values import read_picture
from tests.cli.conftest import ROOT, environment
from tests.conftest import Built
from tests.tiny import TinyKind

pytestmark = [
    pytest.mark.blender,
    pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="bpy 5.0 exists for Python 3.11 only"),
]

SIZE = (64, 96)
"""(height, width) px."""


def rendered(scene: str, folder: Path, frames: int = 1) -> list[Path]:
    """The EXR files of a scene of examples/render_passes.py."""
    script = ROOT / "examples" / "render_passes.py"
    size = ("--height", str(SIZE[0]), "--width", str(SIZE[1]), "--frames", str(frames))
    command = [sys.executable, str(script), scene, str(folder), *size]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(folder.glob(f"{scene}_*.exr"))


@pytest.fixture(scope="module")
def suzanne(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rendered("suzanne", tmp_path_factory.mktemp("suzanne"))[0]


@pytest.fixture(scope="module")
def passes(suzanne: Path) -> FramePasses:
    return read_exr(suzanne)


def test_depth_is_positive_and_infinite_in_the_background_alone(passes: FramePasses) -> None:
    assert passes.depth is not None and passes.object_id is not None
    assert passes.depth.shape == SIZE and passes.depth.dtype == np.float32
    assert (passes.depth > 0).all()
    assert np.array_equal(np.isinf(passes.depth), passes.object_id == 0)
    assert set(np.unique(passes.object_id)) == {0, 1, 2}


def test_depth_and_camera_give_the_positions_that_blender_writes(passes: FramePasses) -> None:
    assert passes.depth is not None and passes.camera is not None and passes.position is not None
    surface = np.isfinite(passes.depth)
    found = unproject(passes.depth, passes.camera)[surface]
    assert np.abs(found - passes.position[surface]).max() < 1e-3


def test_normals_have_unit_length_where_there_is_a_surface(passes: FramePasses) -> None:
    assert passes.depth is not None and passes.normal is not None
    length = np.linalg.norm(passes.normal, axis=-1)
    surface = np.isfinite(passes.depth)
    assert np.abs(length[surface] - 1).max() < 1e-3
    assert (length[~surface] == 0).all()


def test_the_control_picture_is_white_at_the_nearest_point_and_black_behind(passes: FramePasses) -> None:
    assert passes.depth is not None
    control = depth_control(passes.depth, finite_range(passes.depth))
    assert control.flat[passes.depth.argmin()] == 1
    assert (control[np.isinf(passes.depth)] == 0).all()


@pytest.mark.parametrize("scene", ["table", "landscape"])
def test_motion_leads_to_where_the_camera_saw_the_point_a_frame_ago(scene: str, tmp_path: Path) -> None:
    before, now = (read_exr(path) for path in rendered(scene, tmp_path, frames=2))
    assert before.camera is not None and now.position is not None and now.motion is not None and now.depth is not None
    surface = np.isfinite(now.depth)
    seen_before = project(now.position, before.camera)[0][surface]
    rows, columns = np.nonzero(surface)
    moved = now.motion[surface]
    predicted = np.stack([columns + 0.5 + moved[:, 0], rows + 0.5 - moved[:, 1]], axis=-1)
    assert np.abs(predicted - seen_before).max() < 0.05
    assert np.abs(moved[:, :2]).max() > 0.5


def test_a_picture_follows_the_depth_of_the_scene(suzanne: Path, tiny: Built, controlnet: Built) -> None:
    request = DepthToImage(
        prompt="a red wall",
        depth=suzanne,
        controlnet=str(controlnet(TinyKind.SD1)),
        num_inference_steps=3,
        seed=5,
    )
    with Engine(model=str(tiny(TinyKind.SD1)), device="cpu", dtype="float32") as engine:
        result = engine.run(request)
        nearer = engine.run(DepthToImage(**request.changed_fields() | {"depth": request.depth[:, ::-1]}))
    assert result.images[0].shape == (*SIZE, 3)
    assert isinstance(result.request, DepthToImage)
    assert result.request.depth_range == finite_range(request.depth)
    assert not np.array_equal(result.images[0], nearer.images[0])


def test_the_command_line_makes_the_same_picture(suzanne: Path, tiny: Built, controlnet: Built, tmp_path: Path) -> None:
    model, net = str(tiny(TinyKind.SD1)), str(controlnet(TinyKind.SD1))
    request = DepthToImage(
        prompt="a red wall", depth=suzanne, controlnet=net, num_inference_steps=3, seed=5, model=model
    )
    with Engine(device="cpu", dtype="float32") as engine:
        expected = engine.run(request).images[0]
    command = [sys.executable, "-m", "sd_core.cli", "depth2img", "a red wall", "--depth", str(suzanne)]
    command += ["--model", model, "--controlnet", net, "--num-inference-steps", "3", "--seed", "5"]
    command += ["--device", "cpu", "--dtype", "float32", "-o", "scene.png"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(read_picture(tmp_path / "scene.png"), expected)
