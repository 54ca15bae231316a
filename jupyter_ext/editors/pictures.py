"""Editors of pictures: dropped, pasted, browsed for, painted, or taken from a path or a variable."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import numpy as np

from sd_core.errors import RequestError
from sd_core.values import Array, Wrong, as_depth, as_mask

from ..fields import FieldSpec
from ..pictures import depth_picture, lossless_bytes, read_bytes
from ..widgets import Canvas
from .base import Editor, Missing, Surroundings
from .held import find


class PictureEditor(Editor):
    """A picture on a canvas. What the program sets is kept as it is; what the user drops replaces it."""

    def __init__(self, spec: FieldSpec, around: Surroundings) -> None:
        self._around = around
        self._held: Array | None = None
        self.canvas = Canvas()
        self.canvas.add_class("studio-picture-only")
        self._source = widgets.Text(
            description=spec.label,
            placeholder="or a path, or {variable}",
            continuous_update=False,
            layout=widgets.Layout(width="auto"),
        )
        super().__init__(spec, self.canvas, self._source, stacked=True)
        self.canvas.observe(self._dropped, "image")
        self._source.observe(self._named, "value")

    def get(self) -> Array | None:
        if self._held is None and self.spec.required:
            raise Missing(self.spec.name, "is missing", hint="drop, paste or browse for a picture")
        return self._held

    def set(self, value: Array | None) -> None:
        with self.silently():
            self._held = value
            self.canvas.image = b"" if value is None else lossless_bytes(self._shown(value))
            self._source.value = ""

    def _shown(self, value: Array) -> Array:
        """What of a value the canvas shows."""
        return depth_picture(value) if self.spec.convert is as_depth else value

    def _dropped(self, *_: object) -> None:
        if self._silent:
            return
        data = self.canvas.image
        try:
            self._held = self._checked(read_bytes(data)) if data else None
        except (OSError, RequestError) as error:
            self.complain(f"this is no picture that can be used: {error}")
            return
        self.complain("")
        self.changed()

    def _named(self, *_: object) -> None:
        text = self._source.value.strip()
        if self._silent or not text:
            return
        try:
            self.set(self._checked(find(text, self._around, self.spec.name)))
        except RequestError as error:
            self.complain(str(error))
            return
        self.complain("")
        self.changed()

    def _checked(self, value: Any) -> Array:
        try:
            return self.spec.convert(value)
        except Wrong as wrong:
            raise RequestError(self.spec.name, wrong.message, hint=wrong.hint) from wrong


class MaskEditor(Editor):
    """The mask that is painted over the picture of a `PictureEditor`, 1 where to repaint."""

    def __init__(self, spec: FieldSpec, around: Surroundings, picture: PictureEditor) -> None:
        self._around = around
        self._held: Array | None = None
        self._canvas = picture.canvas
        self._canvas.remove_class("studio-picture-only")
        self._source = widgets.Text(
            description=spec.label,
            placeholder="paint it above; or a path, or {variable}",
            continuous_update=False,
            layout=widgets.Layout(width="auto"),
        )
        super().__init__(spec, self._source, stacked=True)
        self._canvas.observe(self._painted, "mask")
        self._source.observe(self._named, "value")

    def get(self) -> Array | None:
        if self._held is None and self.spec.required:
            raise Missing(self.spec.name, "is missing", hint="paint where to repaint, on the picture")
        return self._held

    def set(self, value: Array | None) -> None:
        with self.silently():
            self._held = value
            self._canvas.mask = b"" if value is None else lossless_bytes(value)
            self._source.value = ""

    def _painted(self, *_: object) -> None:
        if self._silent:
            return
        data = self._canvas.mask
        try:
            self._held = as_mask(np.asarray(read_bytes(data).convert("L"))) if data else None
        except OSError as error:
            self.complain(f"the mask cannot be read: {error}")
            return
        self.changed()

    def _named(self, *_: object) -> None:
        text = self._source.value.strip()
        if self._silent or not text:
            return
        try:
            self.set(self._convert(find(text, self._around, self.spec.name)))
        except RequestError as error:
            self.complain(str(error))
            return
        self.complain("")
        self.changed()

    def _convert(self, value: Any) -> Array:
        try:
            return as_mask(value)
        except Wrong as wrong:
            raise RequestError(self.spec.name, wrong.message, hint=wrong.hint) from wrong
