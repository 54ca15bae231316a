"""The releases of ipykernel between which its threads and its comms changed; the newest is what all other tests run on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from playwright.sync_api import Page, expect

from tests.jupyter.e2e.host import Book, Host, serve, write_book
from tests.jupyter.e2e.studio import button, field, generate, interrupt_while_it_waits, studio_cell, waiting_cell

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RELEASES = ("6.30.1", "7.2.0")
LONG = "sd_core.TextToImage(prompt='a', width=64, height=64, num_inference_steps=900)"


@pytest.fixture(scope="module", params=RELEASES)
def older(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Host]]:
    """A release, and a JupyterLab whose kernels are of it."""
    packages = tmp_path_factory.mktemp("packages")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(packages)]
    subprocess.run([*install, f"ipykernel=={request.param}"], check=True)
    with serve("lab", tmp_path_factory.mktemp("lab"), packages) as running:
        yield request.param, running


def test_older_kernels_generate_preview_cancel_and_are_interrupted(older: tuple[str, Host], page: Page) -> None:
    release, host = older
    assert release != version("ipykernel")
    write_book(host.folder / "book.ipynb", (studio_cell(), waiting_cell(LONG)))
    book = Book(host, page, "book.ipynb")
    book.open()
    book.run_cell(0)
    expect(button(page, "Generate")).to_be_visible()
    assert book.ask("__import__('ipykernel').__version__") == release
    generate(book, 1)
    expect(page.locator(".sd-studio .sd-picture img")).to_be_visible()

    picture = page.locator(".sd-studio .sd-picture img")
    finished = picture.get_attribute("src")
    book.ask(f"[studio.submit({LONG})] and 1")
    book.wait_for("0 < studio.progress < 1")
    expect(picture).not_to_have_attribute("src", finished or "")
    button(page, "Cancel").first.click()
    book.wait_for("studio.status", "cancelled", timeout=30)

    book.run_cell(1)
    interrupt_while_it_waits(book)
    book.wait_for("outcome", "cancelled")
    expect(field(page, "width")).to_be_visible()
