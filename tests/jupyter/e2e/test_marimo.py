"""Each widget by itself in marimo, whose front end is another one than Jupyter's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.jupyter.browser.examples import EXAMPLES
from tests.jupyter.e2e.host import free_port, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BOOK = Path(__file__).with_name("marimo_book.py")


@pytest.fixture(scope="module")
def marimo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the notebook, which runs in an empty folder."""
    port = free_port()
    command = [sys.executable, "-m", "marimo", "run", str(BOOK), "--headless", f"--port={port}", "--no-token"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(command, env=environment, cwd=tmp_path_factory.mktemp("marimo"))
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def test_every_widget_is_shown_and_what_is_done_to_it_reaches_python(marimo: str, page: Page) -> None:
    page.goto(marimo)
    expect(page.locator(".sd-widget")).to_have_count(len(EXAMPLES))
    for widget in page.locator(".sd-widget").all():
        expect(widget.locator("img:not([hidden]), canvas").first).to_be_visible()
    expect(page.get_by_text("position 0.50, frame 0")).to_be_visible()
    page.get_by_role("slider", name="Wipe").press("End")
    expect(page.get_by_text("position 1.00, frame 0")).to_be_visible()
    page.locator(".sd-player canvas").press("End")
    expect(page.get_by_text("position 1.00, frame 1")).to_be_visible()
