"""What lies in a model folder: which files are there, whole, and of which format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from sd_core.errors import ModelMismatch, ModelNotFound

_NETWORKS = ("unet", "vae", "text_encoder", "text_encoder_2")
_TOKENIZERS = ("tokenizer", "tokenizer_2")
_PICKLES = (".bin", ".ckpt", ".pt", ".pth")
_STEMS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}

Shapes = Mapping[str, tuple[int, ...]]


def read_shapes(path: Path) -> Shapes:
    """Names and shapes of the tensors in a safetensors file; only its header is read.

    Raises:
        ModelMismatch: the file is damaged, cut short, or no safetensors file.
    """
    try:
        with safe_open(path, framework="np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelMismatch(
            f"{path} is damaged or no safetensors file ({error})", hint="delete it and get it again"
        ) from error


def check_format(path: Path, *, allow_pickle: bool) -> None:
    """Refuse formats that can run code when they are opened.

    Raises:
        ModelMismatch: a pickle, and pickles are not allowed.
    """
    if path.suffix.lower() in _PICKLES and not allow_pickle:
        raise ModelMismatch(
            f"{path} is a pickle, which can run any code when it is opened",
            hint="use the .safetensors version, or pass allow_pickle=True if you trust its origin",
        )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of a model.

    Raises:
        ModelMismatch: it is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise ModelMismatch(f"{path} is damaged ({error})", hint="get it again") from error


def check_folder(
    folder: Path, index: Mapping[str, Any], *, allow_pickle: bool, without: tuple[str, ...] = ()
) -> str | None:
    """Check that every part named in `model_index.json`, but for the weights of `without`, is there and readable.

    Returns:
        The variant of the weights ("fp16") where the folder has no plain ones.

    Raises:
        ModelNotFound: names the missing files.
        ModelMismatch: a damaged file, or pickles only.
    """
    parts = [name for name, value in index.items() if isinstance(value, list) and value and value[0]]
    networks = [name for name in _NETWORKS if name in parts and name not in without]
    missing = [file for name in parts for file in _missing_of(folder, name)]
    variants = [_check_weights(folder / name, name, missing, allow_pickle=allow_pickle) for name in networks]
    if missing:
        raise ModelNotFound(str(folder), f"files are missing: {', '.join(missing)}", hint=_GET_AGAIN)
    return next((variant for variant in variants if variant), None)


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a pipeline's networks, one variant of each."""
    found: list[Path] = []
    for name in _NETWORKS:
        stem = _STEMS.get(name, "model")
        found += _weight_files(folder / name, stem, None) or _weight_files(folder / name, stem, "fp16")
    return found


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


def _check_weights(part: Path, name: str, missing: list[str], *, allow_pickle: bool) -> str | None:
    """Note missing weights in `missing`; returns the variant."""
    stem = _STEMS.get(name, "model")
    for variant in (None, "fp16"):
        files = _weight_files(part, stem, variant)
        absent = [file for file in files if not file.is_file()]
        if files and not absent:
            for file in files:
                read_shapes(file)
            return variant
        missing += [f"{name}/{file.name}" for file in absent]
    pickles = [file for file in part.glob("*") if file.suffix in _PICKLES]
    if pickles:
        check_format(pickles[0], allow_pickle=allow_pickle)
    elif not any(file.startswith(f"{name}/{stem}") for file in missing):
        missing.append(f"{name}/{stem}.safetensors")
    return None


def _weight_files(part: Path, stem: str, variant: str | None) -> list[Path]:
    """The weight files of one variant, shards as their index lists them; empty if there are none."""
    ending = f".{variant}" if variant else ""
    single, index = part / f"{stem}{ending}.safetensors", part / f"{stem}.safetensors.index{ending}.json"
    if single.is_file():
        return [single]
    if index.is_file():
        return [part / name for name in sorted(set(read_json(index)["weight_map"].values()))]
    return []


_GET_AGAIN = "get the model again: sd-core models pull NAME"
