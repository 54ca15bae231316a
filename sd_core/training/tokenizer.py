"""A CLIP tokenizer in which every known word is one token and any other text still has tokens."""

import itertools
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

END_OF_WORD = "</w>"
START, END = "<|startoftext|>", "<|endoftext|>"
MAX_TOKENS = 77


def build_tokenizer(words: Iterable[str], folder: Path) -> CLIPTokenizer:
    """Write vocab.json and merges.txt for `words` into `folder` and load them.

    Byte-pair merges are learnt on the word list itself until each word is a single token (Sennrich et al. 2016,
    arXiv:1508.07909); the byte alphabet underneath spells everything else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = sorted({word.lower() for word in words})
    merges = _learn_merges(words)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *(letter + END_OF_WORD for letter in alphabet), *("".join(pair) for pair in merges)]
    tokens = [*dict.fromkeys(tokens), START, END]
    (folder / "vocab.json").write_text(
        json.dumps({token: index for index, token in enumerate(tokens)}, ensure_ascii=False)
    )
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    return CLIPTokenizer(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=MAX_TOKENS,
        bos_token=START, eos_token=END, unk_token=END, pad_token=END,
    )  # fmt: skip


def _learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Merge the most frequent pair, the first in the alphabet among equals, until every word is one token.

    The trainer of `tokenizers` breaks ties as its threads fall: two processes of one run would get other vocabularies.
    """
    spelled = [_spell(piece) for word in words for piece, _ in pre_tokenizers.Whitespace().pre_tokenize_str(word)]
    merges = []
    while pairs := Counter(pair for symbols in spelled for pair in itertools.pairwise(symbols)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelled = [_merge(symbols, best) for symbols in spelled]
    return merges


def _spell(word: str) -> list[str]:
    letters = [
        letter
        for piece, _ in pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(word)
        for letter in piece
    ]
    return [*letters[:-1], letters[-1] + END_OF_WORD]


def _merge(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for symbol in symbols:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged
