"""Finished pictures as thumbnails, to be chosen from."""

from __future__ import annotations

from collections.abc import Callable

from traitlets import Bytes, Dict, List, Unicode, validate

from ._base import Widget, module, style


class Gallery(Widget):
    """Thumbnails in rows; one is `selected`.

    Arrow keys, Home and End move between them, Enter or a click chooses one.
    """

    _esm = module("gallery")
    _css = style("gallery")

    items = List(Dict()).tag(sync=True)
    """One `{"id", "caption", "title"}` each: a unique name, the text below, the tooltip."""
    thumbnails = List(Bytes()).tag(sync=True)
    """Encoded pictures in the order of `items`, at most 256 px: all of them are sent whenever one is added."""
    selected = Unicode("").tag(sync=True)
    """The id of the chosen item; empty: none."""

    @validate("items")
    def _check_items(self, proposal: dict) -> list[dict]:
        items = proposal["value"]
        ids = [item.get("id") for item in items]
        if not all(isinstance(each, str) and each for each in ids) or len(set(ids)) < len(ids):
            msg = f"every item needs an id of its own, a string that is not empty; the ids are {ids}"
            raise ValueError(msg)
        return items

    def on_choose(self, callback: Callable[[str], None]) -> None:
        """Call `callback(id)` on every choice, also of the item that was `selected` already."""
        self.on_message("choose", lambda message: callback(message["id"]))
