"""What holds for all widgets alike."""

from __future__ import annotations

import pytest

from jupyter_ext.widgets import Canvas, DepthView, Gallery, Grid, Player, Preview, Shape, Tiling, Wipe
from jupyter_ext.widgets._base import Widget
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.examples import EXAMPLES
from tests.jupyter.browser.stage import Stage

pytestmark = pytest.mark.browser

FOCUSABLE = "button:enabled, input, select, [tabindex='0']"


@pytest.fixture(params=EXAMPLES)
def stage(request: pytest.FixtureRequest, mount: Mount) -> Stage:
    shown = mount(EXAMPLES[request.param]())
    shown.find("img:not([hidden]), canvas").first.wait_for()
    shown.settle()
    return shown


@pytest.mark.parametrize("kind", [Canvas, DepthView, Gallery, Grid, Player, Preview, Shape, Tiling, Wipe])
def test_without_any_content_it_stands_there_and_goes_again(mount: Mount, kind: type[Widget]) -> None:
    assert mount(kind()).root.is_visible()


@pytest.mark.parametrize("notebook", ["Lab", "Notebook 7"])
def test_plain_keys_end_in_the_widget_and_shortcuts_with_ctrl_reach_the_notebook(stage: Stage, notebook: str) -> None:
    """Lab listens while the event goes up, Notebook 7 while it goes down; both spare elements with Lumino's mark."""
    stage.page.evaluate(
        """down => {
            const take = e => e.target.hasAttribute("data-lm-suppress-shortcuts") || heard.push(e.key);
            window.heard = [];
            document.addEventListener("keydown", take, down);
        }""",
        notebook == "Notebook 7",
    )
    reached = [part for part in stage.find(FOCUSABLE).all() if part.is_visible()]
    assert reached
    for part in reached:
        part.focus()
        for key in ("ArrowRight", "ArrowLeft", "j", "Control+z", "Control+s"):
            stage.page.keyboard.press(key)
    assert set(stage.page.evaluate("heard")) == {"Control", "s"}


def test_every_control_has_a_name_and_shows_the_focus(stage: Stage) -> None:
    stage.page.keyboard.press("Tab")
    seen = set()
    while True:
        what = stage.page.evaluate(
            """() => {
                const own = document.activeElement, style = getComputedStyle(own);
                if (own === document.body) return null;
                const labels = [...(own.labels ?? [])].map(label => label.textContent);
                const name = own.ariaLabel || labels.join(" ") || own.textContent.trim();
                return [own.outerHTML, name, style.outlineStyle, parseFloat(style.outlineWidth)];
            }"""
        )
        if what is None or what[0] in seen:
            break
        seen.add(what[0])
        assert what[1], f"no name: {what[0]}"
        assert what[2] != "none" and what[3] >= 2, f"no focus ring: {what[0]}"
        stage.page.keyboard.press("Tab")
    assert seen


@pytest.mark.parametrize(
    ("ground", "text"), [("rgb(255, 255, 255)", "rgb(20, 20, 20)"), ("rgb(17, 17, 17)", "rgb(240, 240, 240)")]
)
def test_words_follow_the_theme_and_stand_out_from_the_ground(stage: Stage, ground: str, text: str) -> None:
    stage.page.evaluate(
        "([ground, text]) => { document.body.style.cssText = `background: ${ground}; --jp-ui-font-color1: ${text}` }",
        [ground, text],
    )
    colours = stage.find("button, label, .sd-note, th").evaluate_all(
        "all => all.map(each => getComputedStyle(each).color)"
    )
    assert set(colours) <= {text}


def test_it_fits_a_narrow_notebook(stage: Stage) -> None:
    stage.page.set_viewport_size({"width": 320, "height": 800})
    stage.settle()
    assert stage.page.evaluate("document.documentElement.scrollWidth") <= 320
