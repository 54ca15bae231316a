"""Finding and using the parts of a studio on a page."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.jupyter.e2e.conftest import Open
from tests.jupyter.e2e.host import Book

IMPORT = "import sd_core\nfrom jupyter_ext import Studio"
SMALL = "width=64, height=64, num_inference_steps=4, seed=7"


def studio_cell(fields: str = SMALL, kind: str = "TextToImage") -> str:
    return f"{IMPORT}\nstudio = Studio(request=sd_core.{kind}(prompt='a wall of red bricks', {fields}))\nstudio"


def waiting_cell(request: str) -> str:
    """Waits for a job of the kernel's `studio`, and says so at each step: an observer is called within `wait`."""
    wait = "try:\n    job.wait()\nexcept sd_core.Cancelled:\n    outcome = 'cancelled'"
    return f"job = studio.submit({request})\nstudio.observe(lambda _: print('it waits'), 'progress')\n{wait}"


def interrupt_while_it_waits(made: Book) -> None:
    """Interrupt the kernel once the cell from `waiting_cell` waits."""
    expect(made.page.locator(".jp-OutputArea-output").filter(has_text="it waits").first).to_be_visible()
    made.command("notebook:interrupt-kernel")


def opened(book: Open, *cells: str) -> Book:
    made = book(cells)
    made.run()
    expect(button(made.page, "Generate")).to_be_visible()
    return made


def button(page: Page, name: str) -> Locator:
    # Font Awesome's icon is part of the accessible name.
    return page.locator(".sd-studio").get_by_role("button", name=re.compile(rf"{name}$"))


def field(page: Page, name: str) -> Locator:
    return page.locator(f".studio-field-{name}").first


def entry(page: Page, name: str) -> Locator:
    return field(page, name).locator("input[type=text], textarea").last


def tab(page: Page, name: str) -> None:
    page.locator(".sd-studio").get_by_role("tab", name=name, exact=True).click()


def generate(made: Book, count: int) -> None:
    """Press Generate and wait for the result, which is then number `count` of the history."""
    button(made.page, "Generate").click()
    made.wait_for(f"(studio.status, len(studio.history)) == ('done', {count})")
