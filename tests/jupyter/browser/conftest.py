"""Pages with a fence around them, and widgets whose Python half is the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from jupyter_ext.widgets._base import Widget
from tests.jupyter.browser.stage import Stage

LOCAL = ("about:", "blob:", "data:")

Mount = Callable[[Widget], Stage]
"""Shows a widget on an empty page."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page; the test fails if it asks for anything that is not in the page itself, or reports an error."""
    asked: list[str] = []
    complaints: list[str] = []

    def fence(route: Route) -> None:
        if route.request.url.startswith(LOCAL):
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    context = browser.new_context(viewport={"width": 900, "height": 900})
    context.route("**/*", fence)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert asked == []
    assert complaints == []


@pytest.fixture
def mount(page: Page) -> Iterator[Mount]:
    """`mount(widget)`: the widget on the page. Afterwards it is disposed of, and must have left nothing behind."""
    stages: list[Stage] = []

    def show(widget: Widget) -> Stage:
        stage = Stage(page, widget)
        stages.append(stage)
        return stage

    yield show
    for stage in stages:
        assert stage.dispose() == {"listeners": [], "urls": 0, "frames": 0, "timers": 0, "callbacks": []}
