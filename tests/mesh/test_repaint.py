"""A part of a texture is painted anew; all else stays, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sd_core.engine import Engine
from sd_core.errors import RequestError
from sd_core.events import FrameEvent
from sd_core.mesh.canvas import PaintedTexture
from sd_core.mesh.prepare import Prepared
from sd_core.mesh.render import render
from sd_core.mesh.repaint import repaint_target
from sd_core.requests import Mesh, MeshTexture
from tests.conftest import Built
from tests.mesh import shapes
from tests.mesh.conftest import SIZE, Body
from tests.mesh.test_bake import solid
from tests.mesh.test_canvas import PICTURE, paint
from tests.tiny import TinyKind

SIDE = 128
PAGE = np.full((SIDE, SIDE, 3), (200, 40, 90), np.uint8)


def square(size: int, low: int, high: int) -> np.ndarray:
    """(size, size) float32, 1 from `low` to `high` on both sides."""
    mask = np.zeros((size, size), np.float32)
    mask[low:high, low:high] = 1
    return mask


def plane(material_id: np.ndarray | None = None) -> Mesh:
    """A square of two triangles whose UVs fill the texture but for a margin."""
    corners = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    return Mesh(
        vertices=corners,
        faces=np.int32([[0, 1, 2], [0, 2, 3]]),
        uvs=corners[:, :2] * np.float32(0.9) + np.float32(0.05),
        material_id=material_id,
    )


def request(**fields: Any) -> MeshTexture:
    given: dict[str, Any] = {
        "prompt": "moss", "seed": 2, "mesh": plane(), "texture_size": SIDE, "max_views": 2, "image": PAGE,
        "mask": square(SIDE, 40, 80), "width": SIDE, "height": SIDE, "num_inference_steps": 2,
    }  # fmt: skip
    return MeshTexture(**(given | fields))


@pytest.fixture(scope="module")
def engine(tiny: Built) -> Iterator[Engine]:
    with Engine(model=str(tiny(TinyKind.SD2_DEPTH)), device="cpu", dtype="float32") as shared:
        yield shared


def test_what_the_mask_leaves_out_is_unchanged_to_the_bit(engine: Engine) -> None:
    events = list(engine.stream(request()))
    result = events[-1].result
    inside = square(SIDE, 40, 80) > 0
    assert np.array_equal(result.images[0][~inside], PAGE[~inside])
    assert (result.images[0][inside] != PAGE[inside]).any(axis=1).mean() > 0.9
    views = [event for event in events if isinstance(event, FrameEvent)]
    assert len(views) == 1  # one view sees the whole part


def test_a_small_part_is_painted_too(engine: Engine) -> None:
    inside = square(SIDE, 60, 64)
    made = engine.run(request(mask=inside)).images[0]
    assert (made[inside > 0] != PAGE[inside > 0]).any()


def test_gutters_follow_the_texels_next_to_them(engine: Engine) -> None:
    made = engine.run(request(mask=square(SIDE, 0, 60))).images[0]
    assert (made[0, :30] != PAGE[0, :30]).any(axis=1).all()  # no face lies on row 0
    assert np.array_equal(made[-1], PAGE[-1])


def test_perfect_views_of_a_part_give_the_whole_texture_back(body: Callable[[str], Body]) -> None:
    made = body("torus")
    prepared = Prepared(made.surface, made.texels, "the mesh's own", own_uvs=True)
    truth = made.texels.image(solid(made.texels.positions(made.surface)))[0]
    mask = square(SIZE, SIZE // 4, SIZE // 2)
    held = repaint_target(prepared, truth * (1 - mask[..., None]), mask)
    canvas = PaintedTexture(prepared, held)
    views = [render(made.surface, made.rays, camera, PICTURE) for camera in made.plan.cameras]
    assert sum(canvas.view_start(view).new for view in views) > 0.05
    for view in views:
        paint(canvas, made, view)
    assert max(canvas.view_start(view).new for view in views) < 0.01
    texels = made.texels
    error = np.abs(canvas.finish()[0][0] - truth)[texels.row, texels.column]
    assert error[held.kept].max() == 0
    assert error[~held.kept].mean() < 0.01


@pytest.mark.parametrize(
    ("fields", "field", "hint"),
    [
        ({"mask": None}, "mask", "give both"),
        ({"image": None}, "image", "give both"),
        ({"texture_size": 256}, "image", "set texture_size to 128"),
        ({"mask": np.ones((64, 128), np.float32)}, "mask", "square"),
    ],
)
def test_texture_and_mask_must_belong_together(fields: dict[str, Any], field: str, hint: str) -> None:
    with pytest.raises(RequestError, match=hint) as caught:
        request(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "field", "hint"),
    [
        ({"mesh": shapes.plain(shapes.torus())}, "image", "written with it"),
        ({"mesh": plane(np.uint32([0, 1]))}, "image", "shows one of them"),
        ({"mask": np.zeros((SIDE, SIDE), np.float32)}, "mask", "white where"),
        ({"mask": square(SIDE, 0, 4)}, "mask", "white where"),
    ],
)
def test_a_texture_that_is_not_the_mesh_s_is_refused(
    engine: Engine, fields: dict[str, Any], field: str, hint: str
) -> None:
    with pytest.raises(RequestError, match=hint) as caught:
        engine.run(request(**fields))
    assert caught.value.field == field


def test_a_mesh_without_a_texture_is_painted_whole(body: Callable[[str], Body]) -> None:
    made = body("torus")
    canvas = PaintedTexture(Prepared(made.surface, made.texels, "xatlas"))
    assert not canvas.has_paint and canvas.to_paint == 1
    everything = np.ones((SIZE, SIZE), np.float32)
    prepared = replace(Prepared(made.surface, made.texels, ""), own_uvs=True)
    held = PaintedTexture(prepared, repaint_target(prepared, np.zeros((SIZE, SIZE, 3), np.float32), everything))
    assert not held.has_paint and held.to_paint == 1
