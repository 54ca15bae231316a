"""The examples in the docstrings of public names run and give what they show."""

from __future__ import annotations

import doctest
import importlib
from typing import Any

import numpy as np
import pytest

import sd_core

EXAMPLES = (
    "Adjust", "Animation", "Control", "DepthToImage", "Engine", "FramePasses", "ImageToImage", "Inpaint", "Keyframe", "Lora",
    "Mesh", "MeshTexture", "ObjectPaint", "Reuse", "SDError", "TextToImage", "Texture", "Upscale", "apply_style", "from_json",
    "replace",
)  # fmt: skip
"""The names that most programs begin with; each shows how it is used."""


def _tests(name: str) -> list[doctest.DocTest]:
    thing: Any = getattr(sd_core, name)
    names = {**vars(importlib.import_module(thing.__module__)), "np": np}
    return [test for test in doctest.DocTestFinder(recurse=False).find(thing, name, globs=names) if test.examples]


@pytest.mark.parametrize("name", [name for name in sd_core.__all__ if callable(getattr(sd_core, name))])
def test_the_examples_of_a_name_give_what_they_show(name: str) -> None:
    for test in _tests(name):
        report: list[str] = []
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append)
        assert result.failed == 0, "".join(report)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_main_name_has_an_example(name: str) -> None:
    assert _tests(name)
