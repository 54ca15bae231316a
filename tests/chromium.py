"""Headless Chromium for tests and benchmarks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """The one of the system, closed afterwards; Playwright bears no second of itself in a process."""
    with sync_playwright() as playwright:
        # `--no-sandbox`: Chromium starts no sandbox for root.
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()
