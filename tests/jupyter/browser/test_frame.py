"""The keys of the studio: its ipywidgets know nothing of the notebook that wants them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from jupyter_ext.panel import StudioStyle
from tests.jupyter.browser.stage import PAGE

pytestmark = pytest.mark.browser

INSIDE = """<div class="sd-studio">
  <div class="noUi-handle" role="slider" tabindex="0"></div><input type="text"><input type="range"><textarea></textarea>
</div><button>outside</button>"""
HEAR = """down => {
    const take = e => e.target.hasAttribute("data-lm-suppress-shortcuts") || heard.push(e.key);
    window.heard = [];
    document.addEventListener("keydown", take, down);
}"""
"""Lab listens while the event goes up, Notebook 7 while it goes down; both spare elements with Lumino's mark."""


@pytest.fixture(params=[False, True], ids=["Lab", "Notebook 7"])
def shown(page: Page, request: pytest.FixtureRequest) -> Page:
    """A page with a studio that has been put around the frame after it was drawn, as notebooks do it."""
    frame = StudioStyle()
    page.set_content(f"<!doctype html><body>{INSIDE}</body>")
    page.add_script_tag(content=PAGE)
    page.evaluate(HEAR, request.param)
    page.evaluate("([esm, css]) => mount(esm, css, {})", [frame._esm, frame._css])
    page.evaluate("document.querySelector('.sd-studio').append(document.body.lastElementChild)")
    page.evaluate("settled()")
    return page


def heard(page: Page, selector: str, *keys: str) -> set[str]:
    """Which of the keys the notebook takes when they are pressed on an element."""
    page.evaluate("heard.length = 0")
    page.locator(selector).focus()
    for key in keys:
        page.keyboard.press(key)
    return set(page.evaluate("heard"))


@pytest.mark.parametrize("part", [".noUi-handle", "input[type=text]", "input[type=range]", "textarea"])
def test_a_slider_and_an_entry_keep_plain_keys_and_leave_saving_to_the_notebook(shown: Page, part: str) -> None:
    keys = ("ArrowRight", "ArrowUp", "j", "Enter", "Control+z", "Control+s")
    assert heard(shown, f".sd-studio {part}", *keys) == {"Control", "s"}


def test_keys_outside_the_studio_are_the_notebooks_and_all_are_once_it_is_gone(shown: Page) -> None:
    assert heard(shown, "body > button", "ArrowUp", "j") == {"ArrowUp", "j"}
    shown.evaluate("dispose()")
    shown.evaluate("document.querySelector('.noUi-handle').removeAttribute('data-lm-suppress-shortcuts')")
    assert heard(shown, ".noUi-handle", "ArrowUp") == {"ArrowUp"}
    assert shown.evaluate("leftovers()")["listeners"] == []
