"""The request as Python, and as a `%%sd` cell."""

from __future__ import annotations

from pathlib import Path

import ipywidgets as widgets

from sd_core.requests import Request
from sd_core.saving import save_arrays

from ..history import Entry
from ..output import shell
from .base import Note, ResultTab

INPUTS_FOLDER = "inputs"
"""Folder next to the notebook where the arrays of copied requests go."""


class CodeTab(ResultTab):
    """Show Python code that generates this image."""

    title = "Python"

    def build(self) -> list[widgets.Widget]:
        self._code = widgets.Textarea(rows=14, layout=widgets.Layout(width="auto"))
        self._code.add_class("studio-code")
        self._note = Note()
        return [self._code, self._note]

    def show(self, entry: Entry, before: Entry | None) -> None:
        self._code.value = cell_source(entry.request)
        arrays = entry.request.arrays()
        self._note.say(
            f"The {len(arrays)} arrays of this request are saved to {INPUTS_FOLDER}/ by the button Copy as Python."
            if arrays
            else ""
        )


def cell_source(request: Request, folder: str = INPUTS_FOLDER) -> str:
    """Python source of a cell that runs the request and shows its result."""
    return f"import sd_core\n{request.to_python(folder)}\nresult = sd_core.Engine().run(request)\nresult\n"


def copy_source(request: Request, folder: str = INPUTS_FOLDER) -> str:
    """That source, with the arrays written and, in a notebook, the source as its next cell.

    Raises:
        OutputError: the arrays cannot be written.
    """
    write_arrays(request, folder)
    source = cell_source(request, folder)
    notebook = shell()
    if notebook is not None:
        notebook.set_next_input(source)
    return source


def write_arrays(request: Request, folder: str = INPUTS_FOLDER) -> list[Path]:
    """Write what the source looks for; nothing where the request has no arrays.

    Raises:
        OutputError: they cannot be written.
    """
    return save_arrays(request, folder) if request.arrays() else []
