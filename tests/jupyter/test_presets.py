"""Presets of the user's own: saved once, there in every notebook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from jupyter_ext.presets import BUILT_IN, SavedPresets, apply_preset, settings_of
from jupyter_ext.studio import Studio
from sd_core import Control, ImageToImage, Lora, OutputError, RequestError, TextToImage
from sd_core.requests import Request
from tests.core.strategies import requests

REQUEST = TextToImage(
    prompt="a wall", seed=7, width=320, num_inference_steps=9, loras=[Lora("moss.safetensors", 0.5)], seamless="xy"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SD_CORE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def studio() -> Iterator[Studio]:
    made = Studio(request=REQUEST)
    yield made
    made.close()


def save(studio: Studio, name: str) -> None:
    """As a user does it."""
    studio._presets.name.value = name
    studio._presets.save.click()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests)
def test_a_preset_is_read_as_it_was_saved(request: Request) -> None:
    SavedPresets()["mine"] = settings_of(request)
    assert SavedPresets()["mine"] == settings_of(request)


def test_what_is_saved_in_one_studio_is_offered_and_used_in_the_next(studio: Studio) -> None:
    save(studio, "mossy: wall/1")
    later = Studio(request=TextToImage(prompt="a roof", seed=1, guidance_scale=9.0))
    assert "mossy: wall/1" in later._presets.choice.options
    later._presets.choice.value = "mossy: wall/1"
    assert later.request == TextToImage(
        prompt="a roof", seed=1, width=320, num_inference_steps=9, loras=REQUEST.loras, seamless="xy"
    )
    later.close()


def test_a_preset_of_one_mode_gives_another_what_both_have_but_no_size_to_a_picture() -> None:
    photo = np.zeros((16, 16, 3), np.uint8)
    own = SavedPresets()
    own["mine"] = settings_of(REQUEST)
    applied = apply_preset("mine", ImageToImage(prompt="b", image=photo, strength=0.3), own)
    assert applied == ImageToImage(
        prompt="b", image=photo, strength=0.3, num_inference_steps=9, loras=REQUEST.loras, seamless="xy"
    )


def test_the_menu_reads_as_its_title_until_something_is_chosen_and_again_afterwards(studio: Studio) -> None:
    choice = studio._presets.choice
    assert choice.index == 0
    choice.value = next(iter(BUILT_IN))
    assert choice.index == 0


def test_the_menu_follows_what_is_saved_and_deleted_in_a_cell(studio: Studio) -> None:
    studio.presets["from a cell"] = {"num_inference_steps": 12}
    assert "from a cell" in studio._presets.choice.options
    del studio.presets["from a cell"]
    assert "from a cell" not in studio._presets.choice.options


def test_only_a_preset_of_the_users_own_can_be_deleted(studio: Studio) -> None:
    menu = studio._presets
    assert menu.save.disabled and menu.delete.disabled
    save(studio, "mine")
    assert not menu.delete.disabled
    menu.name.value = next(iter(BUILT_IN))
    assert menu.delete.disabled
    menu.name.value = "mine"
    menu.delete.click()
    assert "mine" not in menu.choice.options and list(studio.presets) == []


@pytest.mark.parametrize("name", [" ", "a\nb", "long" * 99, next(iter(BUILT_IN))])
def test_a_name_that_cannot_be_is_reported_and_nothing_is_written(studio: Studio, home: Path, name: str) -> None:
    with pytest.raises(RequestError, match="preset"):
        studio.presets[name] = {"width": 64}
    assert list(home.rglob("*.json")) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"witdh": 64}, "witdh: is no field"),
        ({"controls": (Control("depth", np.zeros((8, 8, 3), np.uint8)),)}, "contains an image"),
        ({"width": object()}, "cannot be kept"),
        ({"guidance_scale": float("nan")}, "cannot be kept"),
    ],
)
def test_values_that_a_preset_cannot_hold_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        SavedPresets()["mine"] = values
    assert list(SavedPresets()) == []


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"loras": [{"type": "Lora"}]})])
def test_a_damaged_file_is_reported_in_the_studio_and_hides_no_other(studio: Studio, home: Path, text: str) -> None:
    save(studio, "good")
    (home / "presets" / "bad.json").write_text(text)
    studio._presets.refresh()
    assert {"bad", "good"} <= set(studio._presets.choice.options)
    studio._presets.choice.value = "bad"
    assert studio.error is not None and "bad.json" in str(studio.error) and studio.request == REQUEST
    studio.presets["bad"] = {"width": 64}
    assert studio.presets["bad"] == {"width": 64}


def test_a_folder_that_cannot_be_written_is_reported(studio: Studio, home: Path) -> None:
    (home / "presets").write_text("a file")
    save(studio, "mine")
    assert isinstance(studio.error, OutputError) and studio.error.hint
