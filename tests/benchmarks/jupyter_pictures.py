"""Pictures of the studio in a real JupyterLab, for the README: text to image in the light theme, an animation in the dark.

python -m tests.benchmarks.jupyter_pictures FOLDER
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.chromium import chromium
from tests.jupyter.e2e.host import Book, Host, serve, write_book

WIDTH, LIGHT_HEIGHT, DARK_HEIGHT = 1280, 1240, 1400

TEXT = """import sd_core
from jupyter_ext import Studio
size = {"width": 256, "height": 256}
studio = Studio(request=sd_core.TextToImage(prompt="turquoise hexagons", num_inference_steps=20, seamless="xy", **size))
studio"""
PROMPTS = ("yellow stripes", "orange lava", "green checker", "red bricks", "turquoise hexagons")

ANIMATION = """import numpy as np
import sd_core
from jupyter_ext import Studio
depth = np.tile(np.linspace(3, 9, 256, dtype=np.float32), (256, 1)).T.copy()
motion = np.zeros((256, 256, 4), np.float32)
motion[..., 0::2] = 6
passes = [sd_core.FramePasses(depth=depth, motion=motion) for _ in range(8)]
request = sd_core.Animation(prompt="orange lava", passes=passes, seed=5, num_inference_steps=12)
studio = Studio(request=request)
studio"""


@contextmanager
def opened(host: Host, browser: Browser, theme: str, height: int, name: str, cell: str) -> Iterator[Book]:
    """A notebook of one cell that has been run, in a theme, with nothing else in sight."""
    page = browser.new_page(viewport={"width": WIDTH, "height": height})
    write_book(host.folder / name, (cell,))
    book = Book(host, page, name)
    book.open()
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    page.evaluate("window.jupyterapp.shell.collapseLeft()")
    book.run()
    page.locator(".sd-studio .studio-actions button").first.wait_for(timeout=60_000)
    yield book
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()


def finish(page: Page, tab: str) -> None:
    """Open a view, and scroll to the studio."""
    page.locator(".sd-studio").get_by_role("tab", name=tab, exact=True).click()
    page.evaluate("document.querySelector('.sd-studio').scrollIntoView()")
    page.wait_for_timeout(3000)


def write(page: Page, path: Path) -> None:
    """Write what is in sight, as WebP, which takes a third of the bytes of PNG."""
    with Image.open(io.BytesIO(page.screenshot())) as taken:
        taken.convert("RGB").save(path, quality=80, method=6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    target = parser.parse_args().folder
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="jupyter_pictures-") as folder,
        serve("lab", Path(folder)) as host,
        chromium() as browser,
    ):
        with opened(host, browser, "JupyterLab Light", LIGHT_HEIGHT, "text.ipynb", TEXT) as book:
            ask = "[studio.submit(sd_core.replace(studio.request, prompt=each, seed=3)) for each in {}] and 1"
            book.ask(ask.format(PROMPTS))
            book.wait_for("len(studio.history)", len(PROMPTS), timeout=300)
            finish(book.page, "Tile")
            write(book.page, target / "studio-light.webp")
        with opened(host, browser, "JupyterLab Dark", DARK_HEIGHT, "animation.ipynb", ANIMATION) as book:
            book.page.locator(".sd-studio .studio-actions button").first.click()
            book.wait_for("len(studio.history)", 1, timeout=300)
            finish(book.page, "Animation")
            write(book.page, target / "studio-dark.webp")


if __name__ == "__main__":
    main()
