"""Named styles change the prompt around the subject, and the strength where there is one to change."""

from __future__ import annotations

import numpy as np
import pytest

from sd_core import DepthToImage, ImageToImage, RequestError, TextToImage, apply_style, styles

PICTURE = np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize("name", styles())
def test_a_style_keeps_the_subject_and_everything_else(name: str) -> None:
    request = ImageToImage(prompt="a {red} house", negative_prompt="people", image=PICTURE, seed=7, strength=0.2)
    styled, style = apply_style(name, request), styles()[name]
    assert styled.prompt.startswith("a {red} house, ") and styled.negative_prompt.endswith("people")
    assert styled.strength == style.strength
    assert styled.seed == 7 and (styled.image == PICTURE).all()


@pytest.mark.parametrize("name", styles())
def test_a_style_needs_no_subject(name: str) -> None:
    prompt = apply_style(name, ImageToImage(prompt="", image=PICTURE)).prompt
    assert prompt and not prompt.startswith(",") and "{prompt}" not in prompt


def test_without_a_start_picture_the_strength_stays() -> None:
    assert isinstance(apply_style("anime", TextToImage(prompt="a house")), TextToImage)
    assert apply_style("anime", DepthToImage(prompt="a house", depth=np.ones((8, 8), np.float32))).strength == 1


def test_an_unknown_style_names_the_known_ones() -> None:
    with pytest.raises(RequestError, match=r"^style: .*'cubism'; use one of oil painting, "):
        apply_style("cubism", TextToImage(prompt="a"))


def test_there_are_enough_styles_and_they_differ() -> None:
    assert 10 <= len(styles()) <= 16
    assert len({style.prompt for style in styles().values()}) == len(styles())
