"""Words that a model with a small vocabulary has never seen."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sd_core.errors import ModelMismatch
from sd_core.files import open_regular

from .model import Model

_LONGEST = 16 * 1024**2
"""Bytes; a model whose words fill more was trained on free text."""

VOCABULARY_FILE = "vocabulary.json"
_WORD = re.compile(r"\b[^\W\d_]+(?:['-][^\W\d_]+)*\b")


def read_vocabulary(folder: Path) -> frozenset[str] | None:
    """The known words in a model's folder; None for a model that was trained on free text.

    Raises:
        ModelMismatch: the file is damaged.
    """
    path = folder / VOCABULARY_FILE
    if not path.is_file():
        return None
    try:
        with open_regular(path) as stream:
            words = json.loads(stream.read(_LONGEST).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ModelMismatch(f"{path} is damaged (it is no JSON list of words)", hint="get it again")
    return frozenset(words)


def unknown_words(model: Model, prompt: str) -> tuple[str, ...]:
    """Words of a prompt that the model was never trained on, in their order; none for a model without a vocabulary."""
    known = model.vocabulary
    if known is None:
        return ()
    words = dict.fromkeys(word.lower() for word in _WORD.findall(prompt))
    return tuple(word for word in words if not _is_known(word, known))


def _is_known(word: str, vocabulary: frozenset[str]) -> bool:
    return (
        word in vocabulary
        or word.removesuffix("s") in vocabulary
        or all(part in vocabulary for part in re.split("['-]", word))
    )
