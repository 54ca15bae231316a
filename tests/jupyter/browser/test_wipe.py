from __future__ import annotations

import pytest

from jupyter_ext.widgets import Wipe
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.stage import Stage, flat

pytestmark = pytest.mark.browser

RED, BLUE = (220, 20, 20), (20, 20, 220)


def shown(mount: Mount, position: float = 0.5) -> Stage:
    stage = mount(Wipe(before=flat(RED, 400, 300), after=flat(BLUE, 400, 300), position=position))
    stage.page.wait_for_function("[...document.images].every(i => i.complete && i.naturalWidth)")
    return stage


def border(stage: Stage) -> float:
    """Where red ends, as a share of the width."""
    row = stage.pixels(".sd-stage")[20].astype(int)
    return float((row[:, 0] > row[:, 2]).mean())


@pytest.mark.parametrize("position", [0.0, 0.25, 0.5, 1.0])
def test_before_is_left_of_the_line_and_after_right_of_it(mount: Mount, position: float) -> None:
    assert border(shown(mount, position)) == pytest.approx(position, abs=0.01)


def test_dragging_moves_the_line_and_tells_python(mount: Mount) -> None:
    stage = shown(mount)
    box = stage.find(".sd-stage").bounding_box()
    assert box
    mouse = stage.page.mouse
    mouse.move(box["x"] + 200, box["y"] + 100)
    mouse.down()
    mouse.move(box["x"] + 100, box["y"] + 100)
    stage.until(lambda: stage.widget.position == pytest.approx(0.25, abs=0.005))
    mouse.move(box["x"] - 50, box["y"] + 100)
    mouse.up()
    mouse.move(box["x"] + 300, box["y"] + 100)
    stage.until(lambda: stage.widget.position == 0)
    assert border(stage) == pytest.approx(0, abs=0.01)


def test_keys_move_the_line(mount: Mount) -> None:
    stage = shown(mount)
    press = stage.page.keyboard.press
    press("Tab")
    for key, expected in [("ArrowRight", 0.51), ("Shift+ArrowLeft", 0.41), ("PageUp", 0.51), ("End", 1), ("Home", 0)]:
        press(key)
        stage.until(lambda expected=expected: stage.widget.position == pytest.approx(expected))
    assert stage.find("[role=slider]").get_attribute("aria-valuenow") == "0"


def test_python_moves_the_line(mount: Mount) -> None:
    stage = shown(mount)
    stage.widget.position = 0.75
    assert border(stage) == pytest.approx(0.75, abs=0.01)
    stage.widget.before_label = "step 3"
    assert stage.find(".sd-left").inner_text() == "step 3"
