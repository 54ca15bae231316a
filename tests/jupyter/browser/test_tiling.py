from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from jupyter_ext.widgets import Tiling
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.stage import Stage, png

pytestmark = pytest.mark.browser

TILE = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)


def drawn(stage: Stage) -> NDArray[np.uint8]:
    return stage.drawn()[..., :3]


def shown(mount: Mount, **traits: object) -> Stage:
    stage = mount(Tiling(image=png(TILE), **traits))
    stage.page.wait_for_function("document.querySelector('canvas').width % 40 === 0")
    return stage


@pytest.mark.parametrize("repeat", [1, 3])
def test_the_tile_is_repeated_pixel_by_pixel(mount: Mount, repeat: int) -> None:
    assert np.array_equal(drawn(shown(mount, repeat=repeat)), np.tile(TILE, (repeat, repeat, 1)))


def test_the_seam_view_is_the_same_picture_shifted_by_half_a_tile(mount: Mount) -> None:
    stage = shown(mount)
    plain = drawn(stage)
    stage.button("Show Seams").focus()
    stage.page.keyboard.press("Space")
    stage.until(lambda: stage.widget.seams)
    assert np.array_equal(drawn(stage), np.roll(plain, (-12, -20), axis=(0, 1)))
    assert stage.find(".sd-ticks i").count() == 12
    stage.button("Show Seams").click()
    stage.until(lambda: not stage.widget.seams)
    assert np.array_equal(drawn(stage), plain)


def test_keys_on_the_slider_change_the_number_of_tiles(mount: Mount) -> None:
    stage = shown(mount)
    stage.find("input").focus()
    stage.page.keyboard.press("ArrowRight")
    stage.until(lambda: stage.widget.repeat == 4)
    assert drawn(stage).shape == (24 * 4, 40 * 4, 3)


def test_a_large_tile_is_scaled_to_whole_pixels(mount: Mount) -> None:
    stage = mount(Tiling(image=png(np.zeros((1000, 1000, 3))), repeat=7))
    stage.page.wait_for_function("document.querySelector('canvas').width > 300")
    side = stage.find("canvas").evaluate("c => c.width")
    assert side % 7 == 0
    assert side <= 1540


def test_no_tile_is_said_so_and_the_next_one_is_shown(mount: Mount) -> None:
    stage = mount(Tiling())
    assert stage.find(".sd-note").is_visible()
    stage.widget.image = png(TILE)
    stage.find("canvas").wait_for()
    stage.widget.image = b""
    stage.find(".sd-note").wait_for()
