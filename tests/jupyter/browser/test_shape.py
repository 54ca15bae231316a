from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from jupyter_ext.widgets import Shape
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.stage import Stage, flat, png

pytestmark = pytest.mark.browser

QUAD = (
    [[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]],
    [[0, 1, 2], [0, 2, 3]],
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
)


def shot(stage: Stage) -> NDArray[np.int64]:
    return stage.pixels("canvas").astype(np.int64)


def differ(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    return float(np.abs(a - b).mean())


def test_a_sphere_stands_in_the_middle_and_the_page_is_seen_around_it(mount: Mount) -> None:
    seen = shot(mount(Shape(base_color=flat((200, 40, 40)))))
    assert (seen[3, 3] == 255).all()
    middle = seen[seen.shape[0] // 2, seen.shape[1] // 2]
    assert middle[0] > 1.8 * middle[1]


def test_light_comes_from_above(mount: Mount) -> None:
    seen = shot(mount(Shape()))
    height, width = seen.shape[:2]
    assert seen[height // 4, width // 2].sum() > seen[3 * height // 4, width // 2].sum()


@pytest.mark.parametrize("name", ["normal", "roughness", "metallic", "height", "ambient_occlusion"])
def test_every_map_changes_the_picture_and_taking_it_away_restores_it(mount: Mount, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3))
    stage = mount(Shape(base_color=flat((150, 150, 150)), relief=0.2))
    before = shot(stage)
    stage.widget.set_trait(name, png(noise))
    assert differ(before, shot(stage)) > 0.5
    stage.widget.set_trait(name, b"")
    assert differ(before, shot(stage)) == 0


def test_a_flat_normal_map_changes_nothing_that_is_seen(mount: Mount) -> None:
    stage = mount(Shape(shape="plane"))
    before = shot(stage)
    stage.widget.normal = flat((128, 128, 255))
    assert np.abs(before - shot(stage)).max() <= 2


def test_a_normal_map_leans_the_way_opengl_says(mount: Mount) -> None:
    """A surface that leans left, towards the lamp, is brighter than one that leans right."""

    def brightness(colour: tuple[int, int, int]) -> float:
        stage.widget.normal = flat(colour)
        return float(shot(stage)[180:240, 180:240].mean())

    stage = mount(Shape(shape="plane", roughness=flat((255, 255, 255))))
    for _ in range(10):
        stage.find("canvas").press("ArrowUp")
    flat_one, left, right = (brightness((x, 128, 220)) for x in (128, 60, 196))
    assert left > flat_one > right


def test_the_first_row_of_a_picture_is_the_top_of_a_solid(mount: Mount) -> None:
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:32] = (220, 30, 30)
    halves[32:] = (30, 30, 220)
    seen = shot(mount(Shape(base_color=png(halves))))
    height, width = seen.shape[:2]
    top, bottom = seen[height // 5, width // 2], seen[4 * height // 5, width // 2]
    assert top[0] > 2 * top[2]
    assert bottom[2] > 2 * bottom[0]


def test_keys_and_the_pointer_turn_it_and_0_turns_it_back(mount: Mount) -> None:
    stage = mount(Shape(shape="cube", base_color=png(np.random.default_rng(1).integers(0, 256, (8, 8, 3)))))
    start = shot(stage)
    canvas, mouse = stage.find("canvas"), stage.page.mouse
    canvas.press("ArrowLeft")
    turned = shot(stage)
    assert differ(start, turned) > 1
    canvas.press("ArrowRight")
    assert differ(start, shot(stage)) == 0
    for key in ("ArrowUp", "+", "-", "-"):
        canvas.press(key)
    box = canvas.bounding_box()
    assert box
    mouse.move(box["x"] + 100, box["y"] + 100)
    mouse.down()
    mouse.move(box["x"] + 200, box["y"] + 130)
    mouse.up()
    assert differ(start, shot(stage)) > 1
    canvas.press("0")
    assert differ(start, shot(stage)) == 0


def test_the_buttons_change_the_solid(mount: Mount) -> None:
    stage = mount(Shape(base_color=flat((90, 120, 200))))
    seen = {"sphere": shot(stage)}
    for name in ("cube", "plane"):
        stage.button(name.title()).click()
        stage.until(lambda name=name: stage.widget.shape == name)
        seen[name] = shot(stage)
    assert differ(seen["sphere"], seen["cube"]) > 1 < differ(seen["cube"], seen["plane"])


@pytest.mark.parametrize("each_corner", [False, True])
def test_a_mesh_wears_its_texture_by_vertex_or_by_corner(mount: Mount, each_corner: bool) -> None:
    vertices, faces, uvs = (np.array(part) for part in QUAD)
    texture = np.zeros((64, 64, 3), np.uint8)
    texture[:, :32] = (220, 30, 30)
    texture[:, 32:] = (30, 30, 220)
    stage = mount(Shape(base_color=png(texture)))
    stage.widget.show_mesh(vertices, faces, uvs[faces] if each_corner else uvs)
    seen = shot(stage)
    red, blue = ((seen[..., a] > seen[..., b] + 60).sum() for a, b in ((0, 2), (2, 0)))
    assert 0.6 < red / blue < 1.7
    assert red + blue > 10_000


def test_no_mesh_is_said_so(mount: Mount) -> None:
    stage = mount(Shape(shape="mesh"))
    assert stage.find(".sd-note").inner_text() == "No mesh"
    assert (shot(stage) == 255).all()


def test_a_lost_graphics_card_comes_back(mount: Mount) -> None:
    stage = mount(Shape(base_color=flat((200, 40, 40))))
    before = shot(stage)
    stage.find("canvas").evaluate(
        """async (canvas) => {
            const card = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
            card.loseContext();
            await new Promise((done) => setTimeout(done, 100));
            card.restoreContext();
            await new Promise((done) => setTimeout(done, 100));
        }"""
    )
    assert differ(before, shot(stage)) == 0
