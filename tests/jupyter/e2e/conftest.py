"""Real hosts in headless Chromium, behind a fence that no request off the machine passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.jupyter.e2e.host import Book, Host, serve, write_book

Open = Callable[[Sequence[str]], Book]
"""Opens a new notebook with these cells."""


@pytest.fixture(scope="session", params=["lab", "notebook"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with serve(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page; the test fails if it asks for anything that is not on this machine."""
    asked: list[str] = []

    def fence(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1" or route.request.url.startswith(("data:", "blob:")):
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    context = browser.new_context(viewport={"width": 1500, "height": 1100})
    context.route("**/*", fence)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    yield opened
    expect.set_options(timeout=5_000)  # Playwright's own, for the other tests of this process
    context.close()
    assert asked == []


@pytest.fixture
def book(host: Host, page: Page) -> Iterator[Open]:
    opened: list[Book] = []

    def make(cells: Sequence[str]) -> Book:
        name = f"book-{len(list(host.folder.glob('*.ipynb')))}.ipynb"
        write_book(host.folder / name, cells)
        fresh = Book(host, page, name)
        fresh.open()
        opened.append(fresh)
        return fresh

    yield make
    for each in opened:
        each.page.evaluate("window.jupyterapp.shell.currentWidget?.sessionContext.shutdown()")
