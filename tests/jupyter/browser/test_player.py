from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from jupyter_ext.widgets import Player
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.stage import Stage, flat

pytestmark = pytest.mark.browser

SHADES = [10, 30, 60, 100, 150, 210]


def frames() -> list[bytes]:
    return [flat((shade, 50, 50)) for shade in SHADES]


def shade(stage: Stage) -> list[int]:
    """The colour in the middle of the canvas."""
    return stage.find("canvas").evaluate("c => [...c.getContext('2d').getImageData(32, 32, 1, 1).data].slice(0, 3)")


def shown(mount: Mount, **traits: object) -> Stage:
    stage = mount(Player(frames=frames(), **traits))
    until_shade(stage, [SHADES[stage.widget.index], 50, 50])
    return stage


def until_shade(stage: Stage, colour: list[int]) -> None:
    stage.until(lambda: np.abs(np.subtract(shade(stage), colour)).max() <= 1)


def test_the_scrubber_and_python_go_to_any_frame(mount: Mount) -> None:
    stage = shown(mount)
    stage.find("input[aria-label=Frame]").focus()
    stage.page.keyboard.press("ArrowRight")
    stage.page.keyboard.press("ArrowRight")
    until_shade(stage, [60, 50, 50])
    assert stage.widget.index == 2
    stage.widget.index = 5
    until_shade(stage, [210, 50, 50])
    assert stage.find("input[aria-label=Frame]").input_value() == "5"
    assert stage.find(".sd-note").inner_text() == "Frame 6 of 6"


def test_keys_step_jump_and_change_the_view(mount: Mount) -> None:
    stage = shown(mount)
    stage.find("canvas").focus()
    for key, index in [("End", 5), ("ArrowRight", 5), ("ArrowLeft", 4), ("Home", 0), ("ArrowLeft", 0)]:
        stage.page.keyboard.press(key)
        until_shade(stage, [SHADES[index], 50, 50])
        assert stage.widget.index == index
    for key, view in [("2", "onion"), ("3", "difference"), ("4", "motion"), ("1", "play")]:
        stage.page.keyboard.press(key)
        stage.until(lambda view=view: stage.widget.view == view)


def test_it_plays_every_frame_in_order_and_begins_again(mount: Mount) -> None:
    stage = shown(mount, fps=30.0)
    stage.page.evaluate(
        """() => {
            window.seen = [];
            const canvas = document.querySelector("canvas");
            const { drawImage } = CanvasRenderingContext2D.prototype;
            CanvasRenderingContext2D.prototype.drawImage = function (...rest) {
                drawImage.apply(this, rest);
                seen.push(this.getImageData(32, 32, 1, 1).data[0]);
            };
        }"""
    )
    stage.button("Play").click()
    stage.until(lambda: len(stage.page.evaluate("seen")) > 14)
    stage.button("Pause").click()
    stage.until(lambda: not stage.widget.playing)
    seen = stage.page.evaluate("seen")
    order = [SHADES.index(min(SHADES, key=lambda s: abs(s - value))) for value in seen]
    steps = [(b - a) % len(SHADES) for a, b in pairwise(order)]
    assert set(steps) <= {0, 1}
    assert steps.count(1) >= 10
    assert stage.widget.index == order[-1]


def test_onion_skin_is_the_mean_of_two_neighbours(mount: Mount) -> None:
    stage = shown(mount, index=3)
    stage.widget.view = "onion"
    until_shade(stage, [80, 50, 50])


def test_difference_is_black_where_nothing_changes_and_four_times_the_change_elsewhere(mount: Mount) -> None:
    stage = shown(mount, index=2)
    stage.button("Difference").click()
    until_shade(stage, [120, 0, 0])
    stage.widget.frames = [frames()[0]] * 3
    until_shade(stage, [0, 0, 0])


def test_the_motion_view_shows_the_motion_and_says_where_there_is_none(mount: Mount) -> None:
    stage = shown(mount, motion=[flat((0, 0, 0)), flat((9, 99, 199))], index=1)
    stage.button("Motion").click()
    until_shade(stage, [9, 99, 199])
    stage.widget.index = 3
    stage.until(lambda: "no motion" in stage.find(".sd-note").inner_text())


def test_frames_may_be_appended_while_one_is_shown_and_replaced(mount: Mount) -> None:
    stage = shown(mount, index=1)
    stage.widget.frames = [*stage.widget.frames, flat((255, 255, 0))]
    assert stage.find("input[aria-label=Frame]").get_attribute("max") == "6"
    stage.widget.index = 6
    until_shade(stage, [255, 255, 0])
    stage.widget.frames = [flat((1, 2, 3))]
    until_shade(stage, [1, 2, 3])
    assert "Frame 1 of 1" in stage.find(".sd-note").inner_text()


def test_each_frame_is_fetched_once(mount: Mount) -> None:
    fetched: list[int] = []
    player = Player(frames=frames())
    player.on_message("fetch", lambda message: fetched.append(message["index"]))
    stage = mount(player)
    until_shade(stage, [10, 50, 50])
    for index in (5, 0, 3, 1, 4, 2, 0):
        stage.widget.index = index
        until_shade(stage, [SHADES[index], 50, 50])
    assert sorted(fetched) == list(range(6))


def test_the_plot_follows_the_errors_has_gaps_and_leads_to_the_worst_frame(mount: Mount) -> None:
    errors = [None, 0.01, 0.02, None, 0.08, 0.04]
    stage = shown(mount, errors=errors)
    path = stage.find(".sd-curve").get_attribute("d")
    assert path
    assert path.count("M") == 2
    points = [tuple(map(float, point.split())) for point in path.replace("M", "L").split("L") if point]
    assert [x for x, _ in points] == [200, 400, 800, 1000]
    heights = [98 - y for _, y in points]
    assert heights == pytest.approx([94 * error / 0.08 for error in errors if error is not None], abs=0.1)
    assert "0.0800, at frame 5" in (stage.find(".sd-chart svg").get_attribute("aria-label") or "")
    box = stage.find(".sd-chart svg").bounding_box()
    assert box
    stage.page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + 10)
    stage.until(lambda: stage.widget.index == 4)
    assert "warp error 0.0800" in stage.find(".sd-note").inner_text()


def test_without_frames_it_says_so(mount: Mount) -> None:
    stage = mount(Player())
    assert stage.find(".sd-note").inner_text() == "No frames yet."
    stage.widget.frames = frames()
    until_shade(stage, [10, 50, 50])
