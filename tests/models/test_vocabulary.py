"""Words that a model with a vocabulary of its own has not learnt."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sd_core.devices import Placement
from sd_core.models import load_model, unknown_words
from tests.conftest import Built
from tests.models.conftest import Loaded
from tests.tiny import TinyKind


def test_unknown_words_are_named_once_in_their_order(tiny: Built, placement: Placement, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny(TinyKind.SD1), tmp_path / "model")
    (folder / "vocabulary.json").write_text(json.dumps(["a", "brick", "of", "red", "wall"]))
    model = load_model(str(folder), placement)
    assert unknown_words(model, "A (castle:1.3) of red bricks, 4k, red-brick castle by [moonlight]") == (
        "castle", "by", "moonlight",
    )  # fmt: skip
    assert unknown_words(model, "(a wall:1.2), red") == ()


def test_a_model_of_free_text_knows_every_word(loaded: Loaded) -> None:
    assert unknown_words(loaded(TinyKind.SD1), "zyzzyva") == ()
