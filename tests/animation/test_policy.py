"""The tuned numbers of the animation: each says what it is; lengths of the autoencoder follow its scale."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest

from sd_core.animation.geometry.frame_geometry import frame_geometry
from sd_core.animation.policy import POLICY, ReusePolicy, policy_table
from sd_core.passes import FramePasses

SOURCES = Path(__file__).parents[2] / "sd_core"


@pytest.mark.parametrize("number", fields(ReusePolicy), ids=lambda each: each.name)
def test_a_number_says_its_unit_meaning_and_origin_and_is_used(number) -> None:  # noqa: ANN001 - a generic class
    assert number.metadata["unit"] and number.metadata["meaning"] and number.metadata["origin"]
    assert f"`{number.name}`" in policy_table()
    used = [path for path in SOURCES.rglob("*.py") if f"POLICY.{number.name}" in path.read_text(encoding="utf-8")]
    assert used, "a number that nothing asks for goes"


def test_no_module_of_the_animation_keeps_a_tuned_number_of_its_own() -> None:
    numbers = re.compile(r"^_?[A-Z][A-Z_]+ = [-\d.]+$", re.MULTILINE)
    allowed = {"NEVER = -1", "_AROUND = 12", "CHECKPOINT = 32", "_NAMED = 5", "SMALLEST = 16"}
    folders = [SOURCES / "animation" / name for name in ("geometry", "reuse", "repair")] + [SOURCES / "tasks/animation"]
    found = {text for folder in folders for path in folder.glob("*.py") for text in numbers.findall(path.read_text())}
    assert found <= allowed, "tuned numbers stand in ReusePolicy"


def test_the_policy_cannot_be_changed_behind_a_run() -> None:
    with pytest.raises(FrozenInstanceError):
        POLICY.hole_share = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(("scale", "reach"), [(4, 4), (8, 8), (16, 16)])
def test_the_reach_of_an_outline_follows_the_latents(scale: int, reach: int) -> None:
    depth = np.full((64, 96), 8.0, np.float32)
    depth[:, :32] = 1
    geometry = frame_geometry(FramePasses(depth=depth), scale)
    near_outline = np.flatnonzero(geometry.occluder_id[32])
    assert geometry.reach == reach
    assert near_outline.min() == 32 and near_outline.max() in (31 + reach, 32 + reach)
