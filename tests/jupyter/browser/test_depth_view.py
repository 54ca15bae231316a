from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from jupyter_ext.widgets import DepthView
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.stage import Stage

pytestmark = pytest.mark.browser


def shown(mount: Mount, depth: ArrayLike, **traits: object) -> Stage:
    view = DepthView(**traits)
    view.show_depth(depth)
    return mount(view)


def drawn(stage: Stage) -> NDArray[np.uint8]:
    return stage.drawn(".sd-stage canvas")


DEPTH = np.array([[2.0, 4.0, 8.0], [np.inf, 3.0, 5.0]])


def test_grey_along_1_over_depth_is_the_control_picture(mount: Mount) -> None:
    grey = drawn(shown(mount, DEPTH, colour_map="grey"))
    control = np.clip((1 / DEPTH - 1 / 8) / (1 / 2 - 1 / 8), 0, 1)
    finite = np.isfinite(DEPTH)
    assert np.abs(grey[..., 0].astype(int) - control * 255)[finite].max() <= 1
    assert np.array_equal(grey[..., 3], finite * 255)


def test_grey_along_depth_is_linear(mount: Mount) -> None:
    stage = shown(mount, DEPTH, colour_map="grey")
    stage.button("1/depth").click()
    stage.until(lambda: not stage.widget.inverse)
    grey = drawn(stage)[..., 0].astype(int)
    assert np.abs(grey - (8 - DEPTH) / 6 * 255)[np.isfinite(DEPTH)].max() <= 1


def test_near_and_far_clip_the_colours(mount: Mount) -> None:
    stage = shown(mount, DEPTH, colour_map="grey")
    stage.widget.near, stage.widget.far = 3.0, 5.0
    grey = drawn(stage)[..., 0]
    assert grey[0, 0] == grey[1, 1] == 255
    assert grey[0, 2] == grey[1, 2] == 0
    assert 0 < grey[0, 1] < 255
    stage.button("Full range").click()
    stage.until(lambda: (stage.widget.near, stage.widget.far) == (None, None))


def test_the_sliders_set_near_and_far_within_the_range_of_the_depth(mount: Mount) -> None:
    stage = shown(mount, DEPTH)
    stage.root.get_by_label("near").fill("0.5")
    stage.until(lambda: stage.widget.near == pytest.approx(1 / (1 / 8 + 0.5 * (1 / 2 - 1 / 8))))
    stage.root.get_by_label("far").fill("0.9")
    stage.until(lambda: stage.widget.far == pytest.approx(stage.widget.near))


def test_the_value_under_the_pointer_and_under_the_keys_is_read_out(mount: Mount) -> None:
    stage = shown(mount, DEPTH)
    box = stage.find(".sd-stage canvas").bounding_box()
    assert box
    for x, y, words in [(2, 0, "x 2, y 0: 8"), (0, 1, "x 0, y 1: background"), (1, 1, "x 1, y 1: 3")]:
        stage.page.mouse.move(box["x"] + (x + 0.5) * box["width"] / 3, box["y"] + (y + 0.5) * box["height"] / 2)
        assert stage.find(".sd-note").inner_text() == words
    stage.find(".sd-stage canvas").focus()
    stage.page.keyboard.press("ArrowRight")
    assert stage.find(".sd-note").inner_text() == "x 2, y 1: 5"
    stage.page.keyboard.press("ArrowRight")
    stage.page.keyboard.press("ArrowUp")
    assert stage.find(".sd-note").inner_text() == "x 2, y 0: 8"


@pytest.mark.parametrize(
    ("colour_map", "near", "far"),
    [
        ("turbo", (122, 4, 2), (48, 18, 59)),
        ("viridis", (253, 231, 37), (68, 1, 84)),
        ("magma", (252, 253, 191), (0, 0, 4)),
    ],
)
def test_a_colour_map_ends_in_its_published_colours(mount: Mount, colour_map: str, near: tuple, far: tuple) -> None:
    stage = shown(mount, DEPTH)
    stage.find("select").select_option(colour_map)
    stage.until(lambda: stage.widget.colour_map == colour_map)
    assert tuple(drawn(stage)[0, 0, :3]) == near
    assert tuple(drawn(stage)[0, 2, :3]) == far


def test_one_single_depth_and_none_at_all_are_no_trouble(mount: Mount) -> None:
    stage = shown(mount, np.full((4, 4), 2.5))
    assert (drawn(stage)[..., 3] == 255).all()
    stage.widget.show_depth(np.full((4, 4), np.inf))
    assert (drawn(stage)[..., 3] == 0).all()
    stage.widget.depth = b""
    assert stage.find(".sd-note").inner_text() == "No depth map"
