"""ControlNets of the list, in Stylise Render and Stylise Animation, on a real server with the built-in model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sd_core import connect
from sd_core.errors import RequestError
from sd_core.requests import Animation, Control, DepthToImage, MeshTexture, Request
from tests.blender.scenes import needs_bpy
from tests.blender.stylising import SECONDS, follow, start, turning

pytestmark = [
    pytest.mark.blender,
    needs_bpy,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SIZE = (44, 60)
"""(height, width) px of the renders, no multiples of 8."""

PICTURE = np.random.default_rng(3).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture
def scene(bare_addon: ModuleType, tmp_path: Path) -> Any:
    """Three frames of `SIZE`, to be stylised in three steps."""
    made = turning(tmp_path / "out")
    made.frame_end = 2
    made.sd_core.stylise.make_video = False
    return made


def add_control(scene: Any, picture: np.ndarray) -> Any:
    """A row in the list of ControlNets."""
    from blender_addon.scene.images import encode_image, new_image

    control = scene.sd_core.controls.add()
    control.image, control.kind, control.scale, control.end = (
        new_image("guide", encode_image(picture)),
        "depth",
        0.5,
        0.75,
    )
    return control


def request_that_ran(job: Any) -> Request:
    """The request of the result, as the server gives it."""
    with connect() as client:
        return client.job(job.id).result(SECONDS).request


def stylised(scene: Any) -> Any:
    """The job of Stylise Render, ended."""
    import bpy

    from blender_addon import jobs

    assert bpy.ops.sdcore.stylise_render() == {"FINISHED"}
    job = jobs.running_jobs()[-1]
    jobs.wait(job, SECONDS)
    return job


def padded() -> np.ndarray:
    """The control picture as the model gets it: continued to multiples of 8."""
    return np.pad(PICTURE, ((2, 2), (2, 2), (0, 0)), mode="edge")


@pytest.mark.usefixtures("addon")
def test_a_control_of_the_list_guides_a_stylised_render(scene: Any) -> None:
    without = request_that_ran(stylised(scene))
    assert isinstance(without, DepthToImage) and without.controls == ()
    add_control(scene, PICTURE)
    request = request_that_ran(stylised(scene))
    assert isinstance(request, DepthToImage)
    (control,) = request.controls
    assert (control.kind, control.scale, control.end) == ("depth", 0.5, 0.75)
    assert np.array_equal(control.image, padded())


def test_controls_of_the_list_come_after_those_of_the_frame(scene: Any) -> None:
    from blender_addon.request_plan import base_plan
    from blender_addon.scene.passes.framing import Framing

    add_control(scene, PICTURE)
    plan = base_plan(scene.sd_core, DepthToImage, width=None, height=None, depth=np.ones(SIZE, np.float32))
    assert len(plan.controls) == 1
    normal = Control("normal", np.zeros((64, 64, 3), np.uint8))
    framed = replace(
        plan,
        framing=Framing(SIZE[1], SIZE[0]),
        values={**plan.values, "depth": np.ones((48, 64), np.float32), "controls": (normal,)},
    )
    with pytest.raises(RequestError, match="controls"):
        framed.make_request()
    fitting = Control("normal", np.zeros((48, 64, 3), np.uint8))
    request = replace(framed, values={**framed.values, "controls": (fitting,)}).make_request()
    assert [control.kind for control in request.controls] == ["normal", "depth"]


@pytest.mark.usefixtures("addon")
def test_a_control_of_the_list_guides_every_frame_of_an_animation(scene: Any) -> None:
    add_control(scene, PICTURE)
    job = start()
    follow(job)
    assert job.error is None
    request = request_that_ran(job)
    assert isinstance(request, Animation)
    (control,) = request.controls
    assert (control.kind, control.scale, control.end) == ("depth", 0.5, 0.75)
    assert np.array_equal(control.image, padded())


def test_a_control_picture_of_another_size_is_refused_before_anything_is_rendered(scene: Any, tmp_path: Path) -> None:
    import bpy

    from blender_addon import jobs

    add_control(scene, PICTURE)
    add_control(scene, np.zeros((48, 64, 3), np.uint8))
    count = len(jobs.all_jobs())
    for operator in (bpy.ops.sdcore.stylise_render, bpy.ops.sdcore.stylise_animation):
        with pytest.raises(RuntimeError, match=r"controls\[1\].*guide.* is 64 x 48 px, but the render 60 x 44.*choose"):
            operator()
    assert len(jobs.all_jobs()) == count
    assert not (tmp_path / "out").exists()


def test_a_projected_texture_leaves_the_controls_out_and_the_panel_says_so(scene: Any) -> None:
    import bpy

    from blender_addon.operators.project_texture import mesh_plan
    from blender_addon.panels.project import SDCORE_PT_project
    from blender_addon.scene.mesh_arrays import join_meshes
    from tests.blender.layouts import drawn

    settings = scene.sd_core
    assert not [text for text in drawn(SDCORE_PT_project) if "ControlNets are not used" in text]
    add_control(scene, PICTURE)
    settings.seamless, settings.seamless_method, settings.num_images = "xy", "rolling", 3
    cube = bpy.data.objects["Cube"]
    gathered = join_meshes([cube], bpy.context.evaluated_depsgraph_get(), keep_uvs=True)
    request = mesh_plan(bpy.context, gathered, texture_size=64).make_request()
    assert isinstance(request, MeshTexture) and request.prompt == "a red wall"
    assert [text for text in drawn(SDCORE_PT_project) if "ControlNets are not used" in text]
