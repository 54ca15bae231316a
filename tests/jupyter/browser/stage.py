"""One widget on a page: its Python half is the real one, the notebook between the halves is played by `page.js`."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from ipywidgets.widgets.widget import _put_buffers
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page

from jupyter_ext.widgets._base import Widget

PAGE = Path(__file__).with_name("page.js").read_text(encoding="utf-8")


class Stage:
    """A widget on a page, and what passes between them."""

    def __init__(self, page: Page, widget: Widget) -> None:
        self.page, self.widget = page, widget
        self._listen()
        page.set_content("<!doctype html><body></body>")
        page.add_script_tag(content=PAGE)
        state = {name: value for name, value in widget.get_state().items() if name not in ("_esm", "_css")}
        plain = {name: encode(value) for name, value in state.items() if name not in ("layout", "tabbable", "tooltip")}
        page.evaluate("([esm, css, state]) => mount(esm, css, state)", [widget._esm, widget._css, plain])
        self.root = page.locator(".sd-widget")

    def _listen(self) -> None:
        """Pass what Python sends on to the page."""

        def send(message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
            if message["method"] == "custom":
                texts = [base64.b64encode(each).decode() for each in buffers or []]
                self.page.evaluate("([content, buffers]) => receive(content, buffers)", [message["content"], texts])
            elif message["method"] == "update":
                state = dict(message["state"])
                _put_buffers(state, message["buffer_paths"], buffers or [])
                self.page.evaluate("state => update(state)", {name: encode(value) for name, value in state.items()})

        self.widget._send = send

    def pump(self) -> None:
        """Pass what the page has told Python on to the widget."""
        events = self.page.evaluate("collect()")
        for changes in events["saved"]:
            self.widget.set_state({name: decode(value) for name, value in changes.items()})
        for content in events["sent"]:
            self.widget._handle_custom_msg(content, [])

    def settle(self) -> None:
        """Wait until all that Python has sent is decoded and drawn."""
        self.page.evaluate("settled()")

    def until(self, reached: Callable[[], object], seconds: float = 60.0) -> None:
        """Let both halves talk until `reached()` is true; fail after some seconds."""
        end = monotonic() + seconds
        while True:
            self.pump()
            if reached():
                return
            assert monotonic() < end, f"not reached within {seconds} s"
            self.page.wait_for_timeout(20)

    def find(self, selector: str) -> Locator:
        return self.root.locator(selector)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def pixels(self, selector: str) -> NDArray[np.uint8]:
        """What is seen of an element: (h, w, 3) uint8."""
        self.settle()
        return picture(self.find(selector).screenshot())

    def drawn(self, selector: str = "canvas") -> NDArray[np.uint8]:
        """What is drawn on a canvas, before it is scaled to the page: (h, w, 4) uint8."""
        self.settle()
        url = self.find(selector).evaluate("canvas => canvas.toDataURL()")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGBA"))

    def dispose(self) -> dict[str, Any]:
        """End the view; what it still holds."""
        self.page.evaluate("dispose()")
        assert self.page.locator(".sd-widget").count() == 0
        return self.page.evaluate("leftovers()")


def encode(value: Any) -> Any:
    """A trait's value as JSON, bytes marked."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    return [encode(each) for each in value] if isinstance(value, list) else value


def decode(value: Any) -> Any:
    """The inverse of `encode`, but for bytes: as in a kernel, they are views."""
    if isinstance(value, dict) and "$bytes" in value:
        return memoryview(base64.b64decode(value["$bytes"]))
    return [decode(each) for each in value] if isinstance(value, list) else value


def png(pixels: Any) -> bytes:
    """An array (h, w), (h, w, 3) or (h, w, 4) uint8 as PNG."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG")
    return file.getvalue()


def flat(colour: tuple[int, int, int], width: int = 64, height: int = 64) -> bytes:
    """A picture of one colour."""
    return png(np.full((height, width, 3), colour, np.uint8))


def picture(encoded: bytes) -> NDArray[np.uint8]:
    """Encoded bytes as (h, w, 3) uint8."""
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
