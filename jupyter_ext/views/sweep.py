"""Sweeps: typed into three lines, shown as a grid that fills while it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from sd_core.errors import RequestError
from sd_core.requests import Request
from sd_core.values import FieldSpec

from ..fields import shown_fields
from ..history import Entry
from ..sweeps import Axis, Sweep, read_axis, sweep_of, sweepable_fields
from ..widgets import Grid
from .base import Note, ResultTab

_NAMES = ("Columns", "Rows", "Pages")


class SweepTab(ResultTab):
    """Up to three fields with their values. Cells restore their request."""

    title = "Sweep"

    def __init__(
        self, kind: Callable[[], type[Request]], run: Callable[[Sweep], object], choose: Callable[[Entry], None]
    ) -> None:
        super().__init__()
        self._kind, self._run, self._choose = kind, run, choose
        self._lines: list[_AxisRow] = []
        self._sweep: Sweep | None = None
        self._cells: dict[int, tuple[bytes, Entry]] = {}

    def build(self) -> list[widgets.Widget]:
        self._lines = [_AxisRow(name) for name in _NAMES]
        self.refresh()
        run = widgets.Button(description="Run sweep", icon="th", button_style="primary")
        run.on_click(self._on_run_click)
        self._page = widgets.Dropdown(description="Page", layout=widgets.Layout(display="none"))
        self._page.observe(lambda _: self._show_page(), "value")
        self._note, self._grid = Note(), Grid()
        self._grid.on_choose(self._on_cell_choice)
        return [*(line.box for line in self._lines), run, self._note, self._page, self._grid]

    def refresh(self) -> None:
        """Offer the fields of the mode that is chosen now."""
        for line in self._lines:
            line.set_fields(sweepable_fields(self._kind()))

    def begin(self, sweep: Sweep) -> None:
        """Show an empty grid."""
        if not self.box.children:
            self.box.children = self.build()
        self._sweep, self._cells = sweep, {}
        pages = [] if sweep.pages is None else sweep.pages.labels
        self._page.layout.display = "" if pages else "none"
        self._page.options = [(label, index) for index, label in enumerate(pages)]
        with self._grid.hold_sync():
            self._grid.columns, self._grid.column_labels = self._label(sweep.columns), sweep.columns.labels
            self._grid.rows = "" if sweep.rows is None else self._label(sweep.rows)
            self._grid.row_labels = [] if sweep.rows is None else sweep.rows.labels
            self._grid.cells, self._grid.selected = [], -1

    def _label(self, axis: Axis) -> str:
        spec = shown_fields(self._kind()).get(axis.field)
        return axis.field if spec is None else spec.label

    def fill(self, sweep: Sweep, index: int, entry: Entry) -> None:
        """Put a finished image into its cell, unless another sweep has begun."""
        if sweep is self._sweep:
            self._cells[index] = entry.thumbnail, entry
            page, cell = divmod(index, sweep.page_size)
            if page == (self._page.value or 0):
                self._grid.set_cell(cell, entry.thumbnail)

    def show(self, entry: Entry, before: Entry | None) -> None:
        """A sweep shows itself."""

    def _on_run_click(self, *_: object) -> None:
        self._note.say("")
        try:
            axes = [
                read_axis(self._kind(), *line.field_and_values)
                for line in self._lines
                if line.field_and_values[1].strip()
            ]
            self._run(sweep_of(axes))
        except RequestError as error:
            self._note.say(str(error))

    def _show_page(self) -> None:
        if self._sweep is not None:
            first = (self._page.value or 0) * self._sweep.page_size
            places = range(first, first + self._sweep.page_size)
            self._grid.cells = [self._cells[index][0] if index in self._cells else b"" for index in places]

    def _on_cell_choice(self, index: int) -> None:
        first = 0 if self._sweep is None else (self._page.value or 0) * self._sweep.page_size
        if first + index in self._cells:
            self._choose(self._cells[first + index][1])


class _AxisRow:
    """A field and its values."""

    def __init__(self, name: str) -> None:
        self._field = widgets.Dropdown(layout=widgets.Layout(width="190px"))
        self._values = widgets.Text(
            placeholder="values: 4, 8, 16 or 1-4; texts: one | two", layout=widgets.Layout(flex="1 1 auto")
        )
        self.box = widgets.HBox([widgets.Label(name, layout=widgets.Layout(width="64px")), self._field, self._values])

    @property
    def field_and_values(self) -> tuple[str, str]:
        return self._field.value or "", self._values.value

    def set_fields(self, fields: Sequence[FieldSpec]) -> None:
        names = [spec.name for spec in fields]
        kept = self._field.value if self._field.value in names else names[0]
        self._field.options = [(spec.label, spec.name) for spec in fields]
        self._field.value = kept
