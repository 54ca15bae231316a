"""A model that cannot be loaded leaves the process as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from sd_core import Engine, TextToImage
from sd_core.errors import ModelMismatch
from tests.conftest import Built
from tests.tiny import TinyKind


def test_after_a_model_that_fails_to_load_the_built_in_one_makes_the_same_picture(tiny: Built, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny(TinyKind.SD1), tmp_path / "broken")
    config = broken / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), "act_fn": "no such function"}), "utf-8")
    plain = TextToImage(prompt="red bricks", width=64, height=64, num_inference_steps=1, seed=1)
    before = torch.get_default_dtype()
    with Engine(device="cpu", dtype="bfloat16") as engine:
        expected = engine.run(plain).images[0]
    with Engine(device="cpu", dtype="bfloat16") as engine:
        with pytest.raises(ModelMismatch, match="cannot be loaded"):
            engine.run(TextToImage(prompt="x", width=64, height=64, num_inference_steps=1, model=str(broken)))
        assert torch.get_default_dtype() is before
        assert np.array_equal(engine.run(plain).images[0], expected)
