"""Captions as token ids: dropped, disturbed and padded as training wants them."""

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from sd_core.training.tokenizer import END, MAX_TOKENS

DROPPED = 0.12
"""Share of captions replaced by the empty one, for classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598)."""
DISTURBED = 0.08
"""Share of captions with a meaningless word put in, so that the text encoder learns to pass over what it does not know."""


def draw_captions(captions: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The captions, some of them emptied, some with a made-up word."""
    chosen = []
    for caption in captions:
        chance = rng.random()
        chosen.append(
            "" if chance < DROPPED else _insert_invented_word(caption, rng) if chance < DROPPED + DISTURBED else caption
        )
    return chosen


def exchange_words(caption: str, names: Collection[str], replacements: Sequence[str], rng: np.random.Generator) -> str:
    """The caption with every word of `names` left out, or in its place a made-up word or, most often, one of `replacements`."""
    words = [_replacement(replacements, rng) if word.strip(",") in names else word for word in caption.split()]
    return " ".join(word for word in words if word)


def _replacement(replacements: Sequence[str], rng: np.random.Generator) -> str:
    chance = rng.random()
    return "" if chance < 0.14 else _invented_word(rng) if chance < 0.44 else str(rng.choice(replacements))


def _insert_invented_word(caption: str, rng: np.random.Generator) -> str:
    words = caption.split()
    words.insert(int(rng.integers(len(words) + 1)), _invented_word(rng))
    return " ".join(words)


def _invented_word(rng: np.random.Generator) -> str:
    return "".join(chr(97 + letter) for letter in rng.integers(26, size=int(rng.integers(3, 9))))


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


def ends_of_captions(tokenizer: CLIPTokenizer, ids: Tensor) -> Tensor:
    """(b, t) bool: where (b, t) `ids` are the end of a caption, or the padding after it, which is the same token."""
    return ids.eq(tokenizer.get_vocab()[END])
