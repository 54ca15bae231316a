"""The studio in JupyterLab and in Notebook 7: what the user does is done with mouse and keys, kernel and page are both asked."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.jupyter.e2e.conftest import Open
from tests.jupyter.e2e.studio import (
    IMPORT,
    SMALL,
    button,
    entry,
    field,
    generate,
    interrupt_while_it_waits,
    opened,
    studio_cell,
    tab,
    waiting_cell,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_generate_shows_a_picture_and_stores_it_in_the_notebook(book: Open) -> None:
    made = opened(book, studio_cell())
    generate(made, 1)
    picture = made.page.locator(".sd-studio .sd-picture img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 64
    expect(made.page.locator(".sd-studio .sd-thumbnail")).to_have_count(1)
    outputs = made.save().cells[0].outputs
    stored = [output.data for output in outputs if "image/png" in output.get("data", {})]
    assert len(stored) == 1
    assert made.ask("studio.image.size") == (64, 64)


def test_what_is_typed_is_the_request_and_a_mistake_is_reported_at_its_field(book: Open) -> None:
    made = opened(book, studio_cell())
    entry(made.page, "width").fill("100")
    entry(made.page, "width").press("Enter")
    expect(field(made.page, "width").locator(".studio-complaint")).to_contain_text("multiple of 8")
    made.wait_for("studio.request is None")
    entry(made.page, "width").fill("96")
    entry(made.page, "width").press("Enter")
    made.wait_for("studio.request and studio.request.width", 96)
    expect(field(made.page, "width").locator(".studio-complaint")).to_be_hidden()


def test_previews_come_while_it_runs_and_cancel_stops_it_in_the_middle(book: Open) -> None:
    made = opened(book, studio_cell("width=128, height=128, num_inference_steps=400, seed=1"))
    page = made.page
    button(page, "Generate").click()
    status = page.locator(".sd-studio").get_by_role("status").filter(has_text=re.compile(r"Step \d+ of 400"))
    expect(status).to_be_visible(timeout=120_000)
    first = page.locator(".sd-studio .sd-picture img")
    expect(first).to_be_visible()
    source = first.get_attribute("src")
    expect(first).not_to_have_attribute("src", source or "")
    assert made.ask("6 * 7") == 42
    button(page, "Cancel").first.click()
    made.wait_for("studio.status", "cancelled", timeout=30)
    assert 0 < made.ask("studio.progress") < 1
    assert made.ask("len(studio.history)") == 0


def test_the_history_restores_a_request_and_the_same_bytes_come_again(book: Open) -> None:
    made = opened(book, studio_cell("width=64, height=64, num_inference_steps=4"))
    generate(made, 1)
    generate(made, 2)
    seeds = made.ask("[entry.request.seed for entry in studio.history]")
    assert seeds[0] != seeds[1]
    made.page.locator(".sd-studio .sd-thumbnail").filter(has_text=f"seed {seeds[0]}").click()
    made.wait_for("studio.request.seed", seeds[0])
    expect(entry(made.page, "seed")).to_have_value(str(seeds[0]))
    generate(made, 3)
    assert made.ask("(list(studio.history)[0].picture == list(studio.history)[2].picture).all().item()")


def test_a_mask_is_painted_and_only_what_it_covers_changes(book: Open) -> None:
    source = "import numpy as np\nphoto = np.full((64, 64, 3), 200, np.uint8)"
    made = opened(book, source, studio_cell())
    page = made.page
    page.locator(".sd-studio").get_by_role("button", name="Inpaint").click()
    picture = field(page, "image").locator("input[placeholder*='variable']").last
    picture.fill("{photo}")
    picture.press("Enter")
    mask = field(page, "image").locator("canvas.sd-mask")
    expect(mask).to_be_visible()
    box = mask.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.2, steps=5)
    page.mouse.up()
    made.wait_for("studio.request is not None and 0 < studio.request.mask.mean() < 0.9")
    generate(made, 1)
    assert made.ask("(studio.result.images[0][studio.request.mask == 0] == 200).all().item()")
    assert not made.ask("(studio.result.images[0] == 200).all().item()")


def test_wipe_tile_view_and_depth_follow_the_chosen_picture(book: Open) -> None:
    made = opened(book, studio_cell("width=64, height=64, num_inference_steps=2"))
    generate(made, 1)
    generate(made, 2)
    page = made.page
    tab(page, "Compare")
    line = page.locator(".sd-studio").get_by_role("slider", name="Wipe")
    line.focus()
    line.press("ArrowRight")
    made.wait_for("studio._panel.views[0].box.children[0].position > 0.5")
    tab(page, "Tile")
    expect(page.locator(".sd-studio .sd-tiling").first).to_be_visible()
    assert len(made.ask("studio._panel.views[1].box.children[0].image")) > 100


def test_a_sweep_fills_its_grid_and_a_cell_restores_its_request(book: Open) -> None:
    made = opened(book, studio_cell())
    made.ask("[len(studio.sweep(num_inference_steps=[1, 2], guidance_scale=[1.0, 3.0]))]")
    tab(made.page, "Sweep")
    made.wait_for("len(studio.history)", 4)
    cells = made.page.locator(".sd-studio [role=gridcell]")
    expect(cells).to_have_count(4)
    cells.nth(3).click()
    made.wait_for("(studio.request.num_inference_steps, studio.request.guidance_scale)", (2, 3.0))


def test_it_can_be_used_with_the_keyboard_alone(book: Open) -> None:
    made = opened(book, studio_cell())
    page = made.page
    prompt = entry(page, "prompt")
    prompt.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("green moss")
    page.keyboard.press("Tab")
    made.wait_for("studio.request.prompt", "green moss")
    field(page, "num_inference_steps").locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    made.wait_for("studio.request.num_inference_steps", 5)
    button(page, "Generate").focus()
    page.keyboard.press("Enter")
    made.wait_for("(studio.status, len(studio.history))", ("done", 1))


def test_awaiting_and_waiting_give_results_and_an_interrupt_cancels(book: Open) -> None:
    studio = f"{IMPORT}\nstudio = Studio()"
    long = "sd_core.TextToImage(prompt='a', width=64, height=64, num_inference_steps=900)"
    awaiting = f"result = await studio.submit(sd_core.TextToImage(prompt='a', {SMALL}))"
    made = book([studio, waiting_cell(long), awaiting])
    made.run()
    interrupt_while_it_waits(made)
    made.wait_for("(outcome, result.images[0].shape)", ("cancelled", (64, 64, 3)))


def test_a_reopened_and_an_exported_notebook_still_show_the_picture(book: Open) -> None:
    made = opened(book, studio_cell())
    generate(made, 1)
    made.save()
    made.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    made.page.goto("about:blank")
    made.page.goto(made.host.address(made.name))
    stored = made.page.locator(".jp-RenderedImage img")
    expect(stored).to_be_visible()
    assert stored.evaluate("image => image.naturalWidth") == 64
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(made.path), "--stdout"]
    exported = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert "data:image/png;base64" in exported or "image/png;base64" in exported
