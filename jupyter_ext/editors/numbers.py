"""Editors of numbers: a slider for the usual range next to an entry that is exact and takes the whole range."""

from __future__ import annotations

import math
from collections.abc import Mapping

import ipywidgets as widgets

from sd_core.errors import RequestError
from sd_core.values import FieldSpec
from sd_core.values.checks import SIDE, integer, number

from .base import Editor, MissingValue

_SLIDER_RANGES: Mapping[str, tuple[float, float, float]] = {
    "width": (64, 1536, 64),
    "height": (64, 1536, 64),
    "num_inference_steps": (1, 60, 1),
    "guidance_scale": (0, 20, 0.1),
    "num_images": (1, 16, 1),
    "feather": (0, 64, 1),
    "texture_size": (256, 4096, 256),
    "overscan": (0, 128, 8),
    "exposure": (-4, 4, 0.05),
    "contrast": (0, 3, 0.05),
    "saturation": (0, 3, 0.05),
    "weight": (-2, 2, 0.05),
}
"""Low, high and step of sliders whose field accepts far more than anyone uses; others take the field's own range."""


class NumberEditor(Editor):
    """A whole or real number. The entry is the value; the slider follows it as far as it reaches. Blank stands for None."""

    def __init__(self, spec: FieldSpec, accepted: integer | number) -> None:
        self._whole = isinstance(accepted, integer)
        low, high, step = _SLIDER_RANGES.get(spec.name, _field_range(accepted))
        kind = widgets.IntSlider if self._whole else widgets.FloatSlider
        cast = int if self._whole else float
        self._slider = kind(
            description=spec.label,
            min=cast(low),
            max=cast(high),
            step=cast(step),
            readout=False,
            layout=widgets.Layout(flex="1 1 80px", width="auto"),
        )
        self._entry = widgets.Text(
            description=spec.label,
            placeholder=spec.about.unset if spec.optional else "",
            continuous_update=False,
            layout=widgets.Layout(width="104px"),
        )
        self._at, self._step = float(self._slider.value), step
        super().__init__(spec, self._slider, self._entry)
        self.set(None if spec.is_required else spec.default)
        self._slider.observe(self._on_slider_change, "value")
        self._entry.observe(self._on_text_change, "value")

    def get(self) -> int | float | None:
        text = self._entry.value.strip()
        if not text:
            return None if self.spec.optional else self._default_value()
        try:
            return int(text) if self._whole else float(text)
        except ValueError as error:
            kind = "a whole number" if self._whole else "a number"
            raise RequestError(self.spec.name, f"must be {kind}, got {text!r}", hint="such as 7") from error

    def set(self, value: float | None) -> None:
        with self.suppress_changes():
            self._entry.value = "" if value is None else repr(value)
            self._move_slider(value)

    def _default_value(self) -> float:
        if self.spec.is_required:
            raise MissingValue(self.spec.name, "is missing", hint="give a number")
        return self.spec.default

    def _move_slider(self, value: float | None) -> None:
        (self._slider.add_class if value is None else self._slider.remove_class)("studio-unset")
        if value is not None and math.isfinite(value):
            self._at = self._slider.value = self._nearest_slider_value(value)

    def _nearest_slider_value(self, value: float) -> float:
        """The place of the slider that is nearest to a value."""
        low, high, step = self._slider.min, self._slider.max, self._step
        nearest = low + round((min(max(value, low), high) - low) / step) * step
        return int(nearest) if self._whole else min(round(nearest, 6), high)

    def _on_slider_change(self, *_: object) -> None:
        value = self._slider.value
        # The page rounds to its own steps and sends that back: no reason to change what was typed.
        if self._silent or math.isclose(value, self._at, abs_tol=self._step / 100):
            return
        self._at = value
        self._slider.remove_class("studio-unset")
        self._set_entry_text(str(value) if self._whole else f"{value:.6g}")
        self.notify()

    def _set_entry_text(self, text: str) -> None:
        with self.suppress_changes():
            self._entry.value = text

    def _on_text_change(self, *_: object) -> None:
        if self._silent:
            return
        try:
            value = self.get()
        except RequestError:
            value = None
        with self.suppress_changes():
            self._move_slider(value)
        self.notify()


def side_editor(spec: FieldSpec) -> NumberEditor:
    """The editor of a width or a height."""
    return NumberEditor(spec, SIDE)


def _field_range(accepted: integer | number) -> tuple[float, float, float]:
    if isinstance(accepted, integer):
        return accepted.low, accepted.high, 1
    return accepted.low, accepted.high, 0.01 if accepted.high - accepted.low <= 10 else 0.5
