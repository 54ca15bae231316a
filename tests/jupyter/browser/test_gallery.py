from __future__ import annotations

import pytest

from jupyter_ext.widgets import Gallery
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.stage import Stage, flat

pytestmark = pytest.mark.browser


def of(count: int) -> dict[str, list]:
    return {
        "items": [{"id": f"{n}", "caption": f"seed {n}", "title": f"a wall, {n}"} for n in range(count)],
        "thumbnails": [flat((20 * n, 100, 200 - 10 * n)) for n in range(count)],
    }


def focused(stage: Stage) -> str | None:
    return stage.page.evaluate("document.activeElement.dataset.id ?? null")


def tab_stops(stage: Stage) -> list[str]:
    return stage.find("[role=option]").evaluate_all("all => all.filter(o => o.tabIndex === 0).map(o => o.dataset.id)")


def test_every_item_has_its_picture_and_its_words(mount: Mount) -> None:
    stage = mount(Gallery(**of(4)))
    assert stage.find("[role=option]").all_inner_texts() == [f"seed {n}" for n in range(4)]
    assert stage.root.get_by_role("option", name="seed 2, a wall, 2").get_attribute("title") == "a wall, 2"
    pixels = stage.pixels("[data-id='3'] img")
    assert tuple(pixels[10, 10]) == (60, 100, 170)


def test_a_click_chooses_also_what_was_chosen_already(mount: Mount) -> None:
    stage = mount(Gallery(**of(3)))
    chosen: list[str] = []
    stage.widget.on_choose(chosen.append)
    stage.find("[data-id='1']").click()
    stage.find("[data-id='1']").click()
    stage.until(lambda: chosen == ["1", "1"])
    assert stage.widget.selected == "1"
    assert stage.find("[aria-selected=true]").get_attribute("data-id") == "1"


def test_one_tab_stop_and_arrow_keys_reach_every_item(mount: Mount) -> None:
    stage = mount(Gallery(selected="2", **of(12)))
    assert tab_stops(stage) == ["2"]
    press = stage.page.keyboard.press
    press("Tab")
    columns = stage.root.evaluate(
        "() => { const [a, ...r] = document.querySelectorAll('[role=option]');"
        " return 1 + r.filter(o => o.offsetTop === a.offsetTop).length; }"
    )
    for key, expected in [("ArrowRight", 3), ("ArrowLeft", 2), ("ArrowDown", 2 + columns), ("ArrowUp", 2)]:
        press(key)
        assert focused(stage) == str(expected)
    press("End")
    press("ArrowRight")
    assert focused(stage) == "11"
    assert tab_stops(stage) == ["11"]
    press("Home")
    press("Enter")
    stage.until(lambda: stage.widget.selected == "0")


def test_a_new_picture_leaves_the_others_and_the_focus_alone(mount: Mount) -> None:
    stage = mount(Gallery(**of(3)))
    stage.find("[data-id='1']").focus()
    sources = stage.find("img").evaluate_all("all => all.map(i => i.src)")
    with stage.widget.hold_sync():
        stage.widget.set_trait("items", of(4)["items"])
        stage.widget.set_trait("thumbnails", of(4)["thumbnails"])
    assert stage.find("img").evaluate_all("all => all.map(i => i.src)")[:3] == sources
    assert focused(stage) == "1"


def test_an_item_that_is_removed_is_gone_and_another_becomes_the_tab_stop(mount: Mount) -> None:
    stage = mount(Gallery(selected="0", **of(3)))
    with stage.widget.hold_sync():
        stage.widget.items, stage.widget.thumbnails = of(3)["items"][1:], of(3)["thumbnails"][1:]
    assert stage.find("[role=option]").all_inner_texts() == ["seed 1", "seed 2"]
    assert tab_stops(stage) == ["1"]
    assert tuple(stage.pixels("[data-id='1'] img")[10, 10]) == (20, 100, 190)


def test_an_empty_gallery_says_what_it_is_for(mount: Mount) -> None:
    stage = mount(Gallery())
    assert stage.find(".sd-note").is_visible()
    assert stage.find("[role=listbox]").is_hidden()
