"""How large a network the JSON files of a model may ask for: it is built before its weights are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

from sd_core.errors import ModelMismatch

LARGEST = 100_000
"""Of any whole number: the largest in published Stable Diffusion models is CLIP's vocabulary, 49,408."""

LONGEST = 1_000
"""Items of a list: schedulers list at most one number for each of 1,000 timesteps of training."""

MOST_LAYERS = 1_000
"""In one network, and nested: SDXL's UNet has 3 blocks of 2 layers of 10 transformers, the deepest text encoder 32 layers, and
a thousand are built in seconds."""

_DEPTH = re.compile(r"(?:\w+_)?(?:layers|blocks|depths)(?:_per_\w+)?")
"""Keys of how often a layer is repeated, such as `num_hidden_layers` and `transformer_layers_per_block`."""

_LISTS_OF_BLOCKS = re.compile(r"(?:\w+_)?block_(?:\w+)")
"""Keys of lists with an item for each block, such as `down_block_types` and `block_out_channels`."""


def check_sizes(path: Path, entries: Iterable[tuple[str, Any]]) -> None:
    """Refuse a configuration of more or larger layers than any Stable Diffusion has.

    Args:
        path: for messages.
        entries: every key with its value, at any depth.

    Raises:
        ModelMismatch: names the key and what is asked for.
    """
    depths: dict[str, int] = {}
    for key, value in entries:
        _check_numbers(path, key, value)
        layers = _layers(key, value)
        depths[key] = max(depths.get(key, 1), layers)
        if layers > MOST_LAYERS:
            raise _refusal(path, f"asks for {layers} layers ({key})")
    if prod(_independent(depths)) > MOST_LAYERS:
        deep = ", ".join(f"{key} = {layers}" for key, layers in depths.items() if layers > 1)
        raise _refusal(path, f"asks for too many layers ({deep})")


def _check_numbers(path: Path, key: str, value: Any) -> None:
    items = value if isinstance(value, list) else [value]
    if len(items) > LONGEST:
        raise _refusal(path, f"lists {len(items)} items as {key}")
    large = next((item for item in _flat(items) if isinstance(item, int) and abs(item) > LARGEST), None)
    if large is not None:
        # Python refuses to write the longest numbers.
        shown = str(large) if abs(large) < 10**18 else "a number of more than 18 digits"
        raise _refusal(path, f"asks for {shown} as {key}")


def _flat(items: list[Any]) -> Iterable[Any]:
    """Items of lists in lists."""
    waiting = list(items)
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        else:
            yield item


def _layers(key: str, value: Any) -> int:
    """By how much an entry multiplies the layers of a network."""
    if isinstance(value, list) and _LISTS_OF_BLOCKS.fullmatch(key):
        return max(len(value), 1)
    if not _DEPTH.fullmatch(key):
        return 1
    numbers = _flat(value if isinstance(value, list) else [value])
    return max((number for number in numbers if isinstance(number, int)), default=1)


def _independent(depths: Mapping[str, int]) -> Iterable[int]:
    """The lists of blocks say the same number, each in its way."""
    blocks = [layers for key, layers in depths.items() if _LISTS_OF_BLOCKS.fullmatch(key)]
    return [max(blocks, default=1), *(max(n, 1) for key, n in depths.items() if not _LISTS_OF_BLOCKS.fullmatch(key))]


def _refusal(path: Path, what: str) -> ModelMismatch:
    return ModelMismatch(f"{path} {what}, which no Stable Diffusion has", hint="get it again, or use another model")
