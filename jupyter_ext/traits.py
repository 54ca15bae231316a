"""The traits of a studio, to observe and to link, and their tie to its form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import traitlets

from sd_core.errors import SDError
from sd_core.requests import Request
from sd_core.results import Result

from .forms import Forms


class StudioTraits(widgets.VBox):
    """A box with the traits of a studio; `request` and what the form shows are the same."""

    image = traitlets.Any(None, help="The newest image, or the one selected in the gallery: a Pillow image, or None.")
    result = traitlets.Instance(Result, allow_none=True)
    request = traitlets.Instance(Request, allow_none=True)
    status = traitlets.Unicode("idle", help="idle, queued, loading, running, done, failed or cancelled.")
    progress = traitlets.Float(0.0, min=0.0, max=1.0)
    error = traitlets.Instance(SDError, allow_none=True)

    _form: Forms | None = None
    _from_form = False
    """Whether `request` is being set because the form changed."""

    def _bind(self, forms: Forms) -> None:
        """Let `request` follow the forms, and the forms `request`, from now on."""
        self._form = forms
        forms.on_change(self._on_form_change)

    def _set_request(self, request: Request) -> None:
        self.request = request

    def _on_form_change(self) -> None:
        assert self._form is not None
        self._from_form = True
        try:
            self.request = self._form.read_if_complete()
        finally:
            self._from_form = False

    @traitlets.observe("request")
    def _on_request_change(self, change: Mapping[str, Any]) -> None:
        if self._form is not None and not self._from_form and change["new"] is not None:
            self._form.write(change["new"])
