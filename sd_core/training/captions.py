"""Captions as token ids: dropped, disturbed and padded as training wants them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from sd_core.training.tokenizer import MAX_TOKENS

DROPPED = 0.12
"""Share of captions replaced by the empty one, for classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598)."""
DISTURBED = 0.08
"""Share of captions with a meaningless word put in, so that the text encoder learns to pass over what it does not know."""


def drawn_captions(captions: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The captions, some of them emptied, some with a made-up word."""
    drawn = []
    for caption in captions:
        chance = rng.random()
        drawn.append("" if chance < DROPPED else _disturbed(caption, rng) if chance < DROPPED + DISTURBED else caption)
    return drawn


def _disturbed(caption: str, rng: np.random.Generator) -> str:
    words = caption.split()
    made_up = "".join(chr(97 + letter) for letter in rng.integers(26, size=int(rng.integers(3, 9))))
    words.insert(int(rng.integers(len(words) + 1)), made_up)
    return " ".join(words)


def token_ids(tokenizer: CLIPTokenizer, captions: Sequence[str], *, full: bool) -> Tensor:
    """(b, t) ids padded to 77 tokens (`full`, as pipelines pad) or to the longest caption, which costs a third."""
    encoded = tokenizer(
        list(captions),
        padding="max_length" if full else "longest",
        max_length=MAX_TOKENS,
        truncation=True,
        return_tensors="pt",
    )
    return torch.as_tensor(encoded.input_ids)
