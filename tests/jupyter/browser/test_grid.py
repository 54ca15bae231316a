from __future__ import annotations

import pytest

from jupyter_ext.widgets import Grid
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.stage import Stage, flat

pytestmark = pytest.mark.browser

LABELS = {"columns": "steps", "rows": "guidance", "column_labels": ["5", "10", "20"], "row_labels": ["2.0", "7.5"]}


def full() -> list[bytes]:
    return [flat((40 * n, 90, 10)) for n in range(6)]


def focused(stage: Stage) -> str | None:
    return stage.page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_every_cell_stands_under_its_values(mount: Mount) -> None:
    stage = mount(Grid(cells=full(), **LABELS))
    assert stage.find("th[scope=col]").all_inner_texts() == ["steps 5", "steps 10", "steps 20"]
    assert stage.find("th[scope=row]").all_inner_texts() == ["2.0", "7.5"]
    cell = stage.root.get_by_role("gridcell", name="steps 20, guidance 7.5")
    cell.locator("img").wait_for()
    assert tuple(stage.pixels("[aria-label='steps 20, guidance 7.5'] img")[20, 20]) == (200, 90, 10)


def test_cells_arrive_one_by_one_and_only_those_can_be_chosen(mount: Mount) -> None:
    stage = mount(Grid(**LABELS))
    chosen: list[int] = []
    stage.widget.on_choose(chosen.append)
    stage.widget.set_cell(4, full()[4])
    assert stage.find("td[aria-busy=true]").count() == 5
    assert stage.find(".sd-note").inner_text() == "1 of 6 pictures"
    first = stage.find("td").nth(4).locator("img").get_attribute("src")
    stage.widget.set_cell(0, full()[0])
    assert stage.find("td").nth(4).locator("img").get_attribute("src") == first
    for index in (1, 4, 4):
        stage.find("td").nth(index).click()
    stage.until(lambda: chosen == [4, 4])
    assert stage.widget.selected == 4


def test_arrow_keys_go_through_the_grid_and_stop_at_its_borders(mount: Mount) -> None:
    stage = mount(Grid(cells=full(), **LABELS))
    press = stage.page.keyboard.press
    press("Tab")
    assert focused(stage) == "steps 5, guidance 2.0"
    for key, expected in [
        ("ArrowLeft", "steps 5, guidance 2.0"),
        ("ArrowRight", "steps 10, guidance 2.0"),
        ("ArrowDown", "steps 10, guidance 7.5"),
        ("ArrowDown", "steps 10, guidance 7.5"),
        ("End", "steps 20, guidance 7.5"),
        ("ArrowUp", "steps 20, guidance 2.0"),
        ("Home", "steps 5, guidance 2.0"),
    ]:
        press(key)
        assert focused(stage) == expected
    press("End")
    press("Enter")
    stage.until(lambda: stage.widget.selected == 2)
    assert stage.find("td[tabindex='0']").count() == 1


def test_a_sweep_of_one_value_needs_no_rows(mount: Mount) -> None:
    stage = mount(Grid(columns="seed", column_labels=["1", "2"], cells=full()[:2]))
    assert stage.find("td").count() == 2
    assert stage.find("[aria-label='seed 2'] img").is_visible()


def test_another_sweep_takes_the_place_of_the_last_one(mount: Mount) -> None:
    stage = mount(Grid(cells=full(), selected=5, **LABELS))
    with stage.widget.hold_sync():
        stage.widget.column_labels, stage.widget.row_labels = ["a"], ["b"]
        stage.widget.cells, stage.widget.selected = [], -1
    assert stage.find("td").count() == 1
    assert stage.find("td[aria-selected=true]").count() == 0
