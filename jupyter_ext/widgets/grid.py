"""A sweep: one picture for each pair of values."""

from __future__ import annotations

from collections.abc import Callable

from traitlets import Bytes, Int, List, Unicode

from ._base import Widget, module, style


class Grid(Widget):
    """Pictures in columns and rows that are labelled with what was varied; cells fill as they arrive.

    Arrow keys move between the cells, Enter or a click chooses one.
    """

    _esm = module("grid")
    _css = style("grid")

    columns = Unicode("").tag(sync=True)
    """What varies from left to right; `rows`: from top to bottom. Either may be empty."""
    rows = Unicode("").tag(sync=True)
    column_labels = List(Unicode()).tag(sync=True)
    row_labels = List(Unicode()).tag(sync=True)
    cells = List(Bytes()).tag(sync=True)
    """Encoded pictures, row by row from the top left; empty ones, and those that the list does not reach, are still to
    come."""
    selected = Int(-1, min=-1).tag(sync=True)
    """Index of the chosen cell; -1: none."""

    def set_cell(self, index: int, picture: bytes) -> None:
        """Fill the cell `index` = row * number of columns + column."""
        cells = [*self.cells, *[b""] * (index + 1 - len(self.cells))]
        cells[index] = picture
        self.cells = cells

    def on_choose(self, callback: Callable[[int], None]) -> None:
        """Call `callback(index)` on every choice, also of the cell that was `selected` already."""
        self.on_message("choose", lambda message: callback(message["index"]))
