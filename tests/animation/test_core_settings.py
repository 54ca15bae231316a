"""Keyframes: linear between two, constant after the last."""

from __future__ import annotations

import pytest

from sd_core.animation.reuse.keyframes import PromptBlend, settings_at, settings_distance
from sd_core.requests import Animation, Keyframe
from tests.animation import worlds


def request(*keyframes: Keyframe) -> Animation:
    return Animation(prompt="brick", guidance_scale=4, passes=worlds.still(1), keyframes=keyframes)


def test_numbers_are_linear_between_keyframes_and_constant_after() -> None:
    shot = request(Keyframe(10, guidance_scale=2), Keyframe(20, guidance_scale=6))
    assert [settings_at(shot, frame).guidance_scale for frame in (0, 5, 10, 15, 20, 99)] == [4, 3, 2, 4, 6, 6]


def test_what_no_keyframe_names_stays_as_it_is() -> None:
    shot = request(Keyframe(4, guidance_scale=2))
    assert settings_at(shot, 8).strength == 1 and settings_at(shot, 8).prompt == PromptBlend("brick", "brick", 0)


def test_prompts_are_blended() -> None:
    shot = request(Keyframe(4, prompt="brick"), Keyframe(8, prompt="marble"))
    assert settings_at(shot, 5).prompt == PromptBlend("brick", "marble", 0.25)
    assert settings_at(shot, 8).prompt.start == "marble"


def test_distance_tells_how_far_a_prompt_has_come() -> None:
    shot = request(Keyframe(0, prompt="brick"), Keyframe(4, prompt="marble"))
    frames = [settings_at(shot, frame) for frame in range(6)]
    assert [settings_distance(frames[0], other) for other in frames] == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])
