"""What lies in a model folder: whether its parts are there, whole, and name no code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sd_core.errors import ModelNotFound

from .configurations import check_components, check_configurations, read_json
from .formats import check_format
from .parts import DIFFUSERS_STEM, TRANSFORMERS_STEM, PartWeights, check_part, find_part
from .tensors import Shapes, read_shapes

__all__ = ["Shapes", "check_folder", "check_format", "read_json", "read_shapes", "weight_files"]

_NETWORKS = ("unet", "vae", "text_encoder", "text_encoder_2")
_TOKENIZERS = ("tokenizer", "tokenizer_2")
_STEMS = {"unet": DIFFUSERS_STEM, "vae": DIFFUSERS_STEM}


def check_folder(
    folder: Path, index: Mapping[str, Any], *, allow_pickle: bool | None = None, without: tuple[str, ...] = ()
) -> PartWeights:
    """Check that every part named in `model_index.json`, but for the weights of `without`, is there and harmless.

    Args:
        folder: in diffusers' layout.
        index: its `model_index.json`.
        allow_pickle: accept `.bin` files that hold nothing but weights; None: if the environment says so.
        without: parts whose weights are not looked at.

    Returns:
        All weight files, with the variant where a part has no plain ones.

    Raises:
        ModelNotFound: names the missing files.
        ModelMismatch: a damaged file, a pickle, or one that names code.
    """
    check_components(folder, index)
    parts = [name for name, value in index.items() if isinstance(value, list) and value and value[0]]
    networks = [name for name in _NETWORKS if name in parts and name not in without]
    for name in parts:
        check_configurations(folder / name)
    found = {name: check_part(folder / name, _stem(name), allow_pickle=allow_pickle) for name in networks}
    missing = [file for name in parts for file in _missing_of(folder, name)]
    missing += [f"{name}/{file}" for name, weights in found.items() for file in weights.missing]
    if missing:
        raise ModelNotFound(str(folder), f"files are missing: {', '.join(missing)}", hint=_GET_AGAIN)
    return _merge_weights(list(found.values()))


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a pipeline's networks, one variant of each."""
    return [file for name in _NETWORKS for file in find_part(folder / name, _stem(name)).files]


def _stem(name: str) -> str:
    return _STEMS.get(name, TRANSFORMERS_STEM)


def _merge_weights(parts: list[PartWeights]) -> PartWeights:
    whole = PartWeights(tuple(file for part in parts for file in part.files))
    variant = next((part.variant for part in parts if part.variant), None)
    return replace(whole, variant=variant, is_pickled=any(part.is_pickled for part in parts))


def _missing_of(folder: Path, name: str) -> Iterator[str]:
    if name in _NETWORKS:
        wanted = [("config.json",)]
    elif name in _TOKENIZERS:
        wanted = [("tokenizer.json", "vocab.json"), ("tokenizer.json", "merges.txt")]
    elif name == "scheduler":
        wanted = [("scheduler_config.json",)]
    else:
        return
    for choices in wanted:
        if not any((folder / name / file).is_file() for file in choices):
            yield f"{name}/{choices[-1]}"


_GET_AGAIN = "get the model again: sd-core models pull NAME"
