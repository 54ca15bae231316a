"""Editors of pictures: dropped, pasted, browsed for, painted, or taken from a path or a variable."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, cast

import ipywidgets as widgets
import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import as_depth
from sd_core.values import Array, FieldSpec, InvalidValue, as_mask, as_picture, to_pillow
from sd_core.values.checks import number

from ..pictures import decode_picture, depth_picture, png_bytes
from ..widgets import Canvas
from .base import Editor, EditorContext, MissingValue
from .numbers import NumberEditor
from .object_editor import resolve_input


class ArrayEditor(Editor):
    """Holds an array as it is: made by hand on a canvas, or named in a line below it, as a path or a variable."""

    missing: ClassVar[str]
    """What to do where it is still to be given."""

    def __init__(self, spec: FieldSpec, context: EditorContext, hint: str, *controls: widgets.Widget) -> None:
        self._around = context
        self._array: Array | None = None
        self._source = widgets.Text(
            description=spec.label,
            placeholder=hint,
            continuous_update=False,
            layout=widgets.Layout(width="auto"),
        )
        super().__init__(spec, *controls, self._source, stacked=True)
        self._source.observe(self._on_source_change, "value")

    def get(self) -> Array | None:
        if self._array is None and self.spec.is_required:
            raise MissingValue(self.spec.name, "is missing", hint=self.missing)
        return self._array

    def set(self, value: Array | None) -> None:
        with self.suppress_changes():
            self._array = value
            self._show(value)
            self._source.value = ""

    @abstractmethod
    def _show(self, value: Array | None) -> None:
        """Put the value on the canvas."""

    def _on_source_change(self, *_: object) -> None:
        text = self._source.value.strip()
        if self._silent or not text:
            return
        try:
            self.set(self._convert(resolve_input(text, self._around, self.spec.name)))
        except RequestError as error:
            self.show_error(str(error))
            return
        self.show_error("")
        self.notify()

    def _convert(self, value: Any) -> Array:
        try:
            return self.spec.convert(value)
        except InvalidValue as wrong:
            raise RequestError(self.spec.name, wrong.message, hint=wrong.hint) from wrong


class PictureEditor(ArrayEditor):
    """A picture on a canvas. What the program sets is kept as it is; what the user drops replaces it."""

    missing = "drop, paste or browse for a picture"

    def __init__(self, spec: FieldSpec, context: EditorContext) -> None:
        self.canvas = Canvas()
        self.canvas.add_class("studio-picture-only")
        self._fit = widgets.Button(
            description="Fit",
            tooltip="Resize the image so that both sides are multiples of 8",
            layout=widgets.Layout(display="none"),
        )
        self._fit.on_click(self._resize_to_fit)
        super().__init__(spec, context, "or enter a path or {variable}", self.canvas, self._fit)
        self.canvas.observe(self._on_image_change, "image")

    def show_error(self, text: str) -> None:
        """As every editor, and with a way out where only the size is wrong."""
        super().show_error(text)
        shown = self._array
        wrong = bool(text) and shown is not None and any(side % 8 for side in shown.shape[:2])
        self._fit.layout.display = "" if wrong and self.spec.convert is as_picture else "none"

    def _show(self, value: Array | None) -> None:
        shown = depth_picture(value) if value is not None and self.spec.convert is as_depth else value
        self.canvas.image = b"" if shown is None else png_bytes(shown)

    def _resize_to_fit(self, *_: object) -> None:
        assert self._array is not None, "the button is there for a picture"
        height, width = (max(round(side / 8), 1) * 8 for side in self._array.shape[:2])
        self.set(np.asarray(to_pillow(self._array).resize((width, height))))
        self.show_error("")
        self.notify()

    def _on_image_change(self, *_: object) -> None:
        if self._silent:
            return
        data = self.canvas.image
        try:
            self._array = self._convert(decode_picture(data)) if data else None
        except (OSError, RequestError) as error:
            self.show_error(f"cannot read this image: {error}")
            return
        self.show_error("")
        self.notify()


class FeatherEditor(NumberEditor):
    """The softness of a mask's edge, which the canvas shows and can also set."""

    def __init__(self, spec: FieldSpec, canvas: Canvas) -> None:
        self._canvas = canvas
        super().__init__(spec, cast("number", spec.convert))
        self._canvas.observe(self._on_canvas_change, "feather")
        self.on_change(self._update_canvas)

    def set(self, value: float | None) -> None:
        super().set(value)
        self._update_canvas()

    def _on_canvas_change(self, *_: object) -> None:
        if not self._silent:
            NumberEditor.set(self, self._canvas.feather)
            self.notify()

    def _update_canvas(self) -> None:
        try:
            value = self.get()
        except RequestError:
            return  # half a number is not shown
        with self.suppress_changes():
            self._canvas.feather = min(max(float(value or 0), 0.0), 1024.0)


class MaskEditor(ArrayEditor):
    """The mask that is painted over the picture of a `PictureEditor`, 1 where to repaint."""

    missing = "paint the area to repaint on the image"

    def __init__(self, spec: FieldSpec, context: EditorContext, picture: PictureEditor) -> None:
        self._canvas = picture.canvas
        self._canvas.remove_class("studio-picture-only")
        super().__init__(spec, context, "paint above, or enter a path or {variable}")
        self._canvas.observe(self._on_mask_change, "mask")

    def _show(self, value: Array | None) -> None:
        self._canvas.mask = b"" if value is None else png_bytes(value)

    def _on_mask_change(self, *_: object) -> None:
        if self._silent:
            return
        data = self._canvas.mask
        try:
            self._array = as_mask(np.asarray(decode_picture(data).convert("L"))) if data else None
        except OSError as error:
            self.show_error(f"the mask cannot be read: {error}")
            return
        self.notify()
