"""CLIP's tokenizer from the table in this package: single-file checkpoints bring none."""

from __future__ import annotations

import gzip
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import Any

_MERGES = Path(__file__).parent / "configs" / "clip_merges.txt.gz"
_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"


def clip_tokenizer(pad_token: str = _END) -> Any:
    """The tokenizer of all CLIP text encoders, OpenAI's and OpenCLIP's; OpenCLIP pads with "!"."""
    from transformers import CLIPTokenizer

    vocabulary, merges = _tables()
    # Its annotation asks for lines of text, which it does not read.
    make: Any = CLIPTokenizer
    return make(vocab=dict(vocabulary), merges=list(merges), pad_token=pad_token, model_max_length=77)


@cache
def _tables() -> tuple[dict[str, int], tuple[tuple[str, str], ...]]:
    """Token ids and merges: every byte as a letter, alone and at the end of a word, then the merges, then the marks."""
    lines = gzip.decompress(_MERGES.read_bytes()).decode("utf-8").splitlines()
    merges = [(left, right) for left, right in (line.split(" ") for line in lines)]
    letters = _byte_letters()
    merged = [left + right for left, right in merges]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *merged, _BEGIN, _END]
    return {token: index for index, token in enumerate(tokens)}, tuple(merges)


def _byte_letters() -> list[str]:
    """A printable letter for each byte (Radford et al. 2019): itself where it prints, else one from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(code) for code in (*printable, *islice(count(256), 256 - len(printable)))]
