"""The form is made of the request's fields, and of nothing else."""

from __future__ import annotations

from dataclasses import MISSING
from typing import Any

import numpy as np
import pytest

from jupyter_ext.editors import EditorContext, MissingValue, SeedEditor
from jupyter_ext.fields import shown_fields
from jupyter_ext.form import Form
from jupyter_ext.forms import MODES
from jupyter_ext.presets import BUILT_IN, apply_preset, preset_names
from jupyter_ext.sweeps import read_axis
from sd_core import DepthToImage, ImageToImage, Inpaint, RequestError, TextToImage
from sd_core.requests import Request
from sd_core.values import field_specs

GIVEN: dict[str, Any] = {
    "image": np.zeros((16, 24, 3), np.uint8),
    "depth": np.ones((16, 24), np.float32),
    "mask": np.ones((16, 24), np.float32),
    "mesh": "chair.glb",
    "passes": "frames/####.exr",
}
"""What has no default."""


def filled(kind: type[Request], around: EditorContext | None = None) -> Form:
    form = Form(kind, around or EditorContext())
    for name, editor in form.editors.items():
        if name in GIVEN and (editor.spec.default is MISSING or (kind is Inpaint and name == "mask")):
            editor.set(GIVEN[name])
    return form


def typed(form: Form, name: str, text: str) -> None:
    """As if a user wrote into the entry of a field."""
    editor = form.editors[name]
    entry = getattr(editor, "_entry", None) or getattr(editor, "_text", None) or getattr(editor, "_source", None)
    assert entry is not None
    entry.value = text


@pytest.mark.parametrize("kind", MODES.values(), ids=list(MODES))
def test_an_untouched_form_describes_a_request_at_its_defaults(kind: type[Request]) -> None:
    request = filled(kind).read()
    assert set(request.changed_fields()) <= {*GIVEN, "prompt"}


@pytest.mark.parametrize("kind", MODES.values(), ids=list(MODES))
def test_every_field_has_an_editor_once_the_advanced_ones_are_opened(kind: type[Request]) -> None:
    form = filled(kind)
    form._accordion.selected_index = 0
    assert list(form.editors) != [] and set(form.editors) == set(shown_fields(kind))


def test_what_is_missing_is_no_complaint_until_somebody_wants_the_request() -> None:
    form = Form(ImageToImage, EditorContext())
    with pytest.raises(MissingValue):
        form.read()
    assert form.editors["image"]._complaint.value == ""


def test_a_number_that_cannot_be_read_is_reported_at_its_field() -> None:
    form = filled(TextToImage)
    typed(form, "width", "wide")
    with pytest.raises(RequestError, match="whole number"):
        form.read()
    assert "whole number" in form.editors["width"]._complaint.value


def test_a_slider_moves_its_entry_and_an_entry_its_slider_but_exact_values_stay() -> None:
    editor = filled(TextToImage).editors["guidance_scale"]
    editor.set(7.123456789)
    assert editor.get() == 7.123456789 and editor._slider.value == pytest.approx(7.1, abs=0.1)
    editor.set(50.0)
    assert editor.get() == 50.0 and editor._slider.value == editor._slider.max
    editor._slider.value = 3.5
    assert editor.get() == 3.5


def test_the_rounding_of_a_slider_in_the_page_leaves_what_was_typed() -> None:
    form = filled(TextToImage)
    for name, exact, rounded in (("guidance_scale", 7.123, 7.1), ("width", 104, 128), ("num_inference_steps", 90, 60)):
        editor = form.editors[name]
        typed(form, name, str(exact))
        editor._slider.value = rounded
        assert editor.get() == exact
        editor._slider.value = editor._slider.min
        assert editor.get() == editor._slider.min


def test_pictures_come_from_variables_and_unknown_ones_are_named() -> None:
    photo = np.full((16, 24, 3), 9, np.uint8)
    form = Form(ImageToImage, EditorContext(variables=lambda: {"photo": photo}))
    typed(form, "image", "{nothing}")
    assert "no variable nothing" in form.editors["image"]._complaint.value
    typed(form, "image", "{photo}")
    assert form.read() == ImageToImage(prompt="", image=photo)


def test_a_depth_of_scene_units_stays_as_it_is() -> None:
    depth = np.array([[0.1, np.inf] * 4] * 8, np.float32)
    form = Form(DepthToImage, EditorContext())
    form.editors["depth"].set(depth)
    assert form.read() == DepthToImage(prompt="", depth=depth)


def test_lock_keeps_the_last_seed_and_next_takes_the_one_after_it() -> None:
    form = filled(TextToImage)
    editor = form.editors["seed"]
    assert isinstance(editor, SeedEditor)
    editor.set_last_seed(41)
    assert editor.get() is None
    editor._lock.value = True
    assert editor.get() == 41
    editor._next.click()
    assert editor.get() == 42
    editor._lock.value = False
    assert editor.get() is None


def test_presets_set_their_fields_and_styles_go_around_the_prompt() -> None:
    request = TextToImage(prompt="a barn", num_inference_steps=20)
    for name in BUILT_IN:
        changed = apply_preset(name, request, {})
        assert {field: getattr(changed, field) for field in BUILT_IN[name]} == dict(BUILT_IN[name])
    style = next(name for name in preset_names({}) if name.startswith("Style"))
    styled = apply_preset(style, request, {})
    assert isinstance(styled, TextToImage) and styled.prompt.startswith("a barn, ")
    assert apply_preset("mine", request, {"mine": {"width": 64}}) == TextToImage(
        prompt="a barn", num_inference_steps=20, width=64
    )


@pytest.mark.parametrize(
    ("field", "words", "values"),
    [
        ("num_inference_steps", "4, 8,16", (4, 8, 16)),
        ("seed", "1-4", (1, 2, 3, 4)),
        ("guidance_scale", "1, 2.5", (1.0, 2.5)),
        ("prompt", "red, bright | green moss", ("red, bright", "green moss")),
        ("scheduler", "ddim | euler", ("ddim", "euler")),
    ],
)
def test_the_values_of_a_sweep_are_typed(field: str, words: str, values: tuple[Any, ...]) -> None:
    assert read_axis(TextToImage, field, words).values == values


def test_values_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(RequestError, match="cannot take"):
        read_axis(TextToImage, "seed", "one, two")


def test_labels_are_words_for_people_and_not_names_of_fields() -> None:
    for kind in MODES.values():
        for spec in field_specs(kind).values():
            assert "_" not in spec.label and spec.label[0].isupper()
    assert field_specs(TextToImage)["num_inference_steps"].label == "Steps"
