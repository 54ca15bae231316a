"""What every widget has in common: its module and style, and how its arguments and messages are checked.

A widget is one Python class and one ES module of the same name. Front ends load the module from its text, so it can
import no neighbour: `base.js`, the few helpers that all share, is put before it. The same holds for the styles.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
from traitlets import Bytes, HasTraits

FOLDER = Path(__file__).parent

Message = dict[str, Any]


def module(*names: str) -> str:
    """The ES module of a widget, complete in itself, from the files `names`; the last one has the default export."""
    return "".join(_read_file(f"{name}.js") for name in ("base", *names))


def style(name: str) -> str:
    """The style sheet of the widget `name`, complete in itself."""
    return _read_file("base.css") + _read_file(f"{name}.css")


def _read_file(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf-8")


class BytesFromPage(Bytes):
    """Bytes that the page may set: they reach the kernel as a memoryview, which `Bytes` refuses without a word."""

    def validate(self, obj: HasTraits | None, value: object) -> bytes | None:
        return super().validate(obj, bytes(value) if isinstance(value, memoryview) else value)


class Widget(anywidget.AnyWidget):
    """A widget that refuses arguments it does not have.

    Raises:
        TypeError: an argument is no trait of the widget.
    """

    def __init__(self, **traits: Any) -> None:
        unknown = sorted(set(traits) - set(self.trait_names()))
        if unknown:
            msg = f"{type(self).__name__} has no {', '.join(unknown)}; it has {', '.join(self.own_traits())}"
            raise TypeError(msg)
        super().__init__(**traits)

    @classmethod
    def own_traits(cls) -> list[str]:
        """The names of the traits that this class adds to a plain widget, sorted."""
        return sorted(name for name in set(cls.class_trait_names()) - set(Widget.class_trait_names()) if name[0] != "_")

    def on_message(self, kind: str, callback: Callable[[Message], None]) -> None:
        """Call `callback(message)` for every message of this `kind` from the page.

        It may be called on any thread of the kernel, so it should only set flags or fill queues.
        """

        def dispatch(_widget: object, content: object, _buffers: object) -> None:
            if isinstance(content, dict) and content.get("type") == kind:
                callback(content)

        self.on_msg(dispatch)
