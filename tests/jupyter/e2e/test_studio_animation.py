"""Animation in the studio, in JupyterLab and in Notebook 7."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.jupyter.e2e.conftest import Open
from tests.jupyter.e2e.studio import IMPORT, generate, opened, tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# A plane that slides 2 px a frame along the axis on which its depth does not change.
PASSES = """import numpy as np
depth = np.tile(np.linspace(3, 9, 64, dtype=np.float32), (64, 1)).T.copy()
motion = np.zeros((64, 64, 4), np.float32)
motion[..., 0::2] = 2
passes = [sd_core.FramePasses(depth=depth, motion=motion) for _ in range(3)]
"""
CELL = (
    f"{IMPORT}\n{PASSES}"
    "studio = Studio(request=sd_core.Animation(prompt='grey gravel', passes=passes, seed=5, num_inference_steps=4))\nstudio"
)
PLAYER = "studio._panel.views[4].box.children[0]"


def test_an_animation_is_made_scrubbed_played_and_examined(book: Open) -> None:
    made = opened(book, CELL)
    generate(made, 1)
    page = made.page
    tab(page, "Animation")
    canvas = page.locator(".sd-studio .sd-player canvas")
    expect(canvas).to_have_attribute("aria-label", "play: Frame 1 of 3")
    canvas.focus()
    page.keyboard.press("End")
    made.wait_for(f"{PLAYER}.index", 2)
    expect(canvas).to_have_attribute("aria-label", re.compile(r"play: Frame 3 of 3, warp error [\d.e-]+"))
    for key, view in (("2", "onion"), ("3", "difference"), ("4", "motion"), ("1", "play")):
        page.keyboard.press(key)
        made.wait_for(f"{PLAYER}.view", view)
        expect(canvas).to_have_attribute("aria-label", re.compile(rf"{view}: Frame 3 of 3(?!.*loading)"))
    page.locator(".sd-studio .sd-player").get_by_role("button", name="Play", exact=True).click()
    made.wait_for(f"{PLAYER}.playing")
    made.wait_for(f"{PLAYER}.index != 2")
    assert made.ask("[image.shape for image in studio.result.images]") == [(64, 64, 3)] * 3


def test_the_plot_tells_the_warp_error_of_each_frame(book: Open) -> None:
    made = opened(book, CELL)
    generate(made, 1)
    tab(made.page, "Animation")
    plot = made.page.locator(".sd-studio .sd-player svg[role=img]")
    expect(plot).to_have_attribute(
        "aria-label", re.compile(r"Warp error of each frame; the largest is [\d.e-]+, at frame [23]")
    )
    plot.click()  # its middle
    made.wait_for(f"{PLAYER}.index", 1)
