"""LoRA and textual-inversion files on a model's networks, for a while."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sd_core.errors import ModelMismatch
from sd_core.requests import Lora

from .catalogue import WIDTHS
from .identity import identity
from .libraries import quiet_libraries
from .lora_files import put_lora
from .lora_folder import find_lora
from .model import Family, Model
from .parts import explaining
from .tensors import Shapes, Weights, read_weights

_DOWN = r"(lora_down|lora_A|lora\.down|down)(\.default)?\.weight$"
_CROSS_ATTENTION = re.compile(rf"attn2.*to_k.*{_DOWN}")
_TEXT_ATTENTION = re.compile(rf"(lora_te\d?_|text_encoder(_2)?\.).*q_proj.*{_DOWN}")
_SECOND_ENCODER = re.compile(r"^(lora_te2_|text_encoder_2\.)")
_ENCODERS = ("text_encoder", "text_encoder_2")
_TOKENIZERS = ("tokenizer", "tokenizer_2")
# Keys of textual inversions for two encoders, in the order of SDXL's.
_SDXL_KEYS = {"clip_l": 0, "clip_g": 1}
# Keys of textual inversions that go by the names of their files: of two trainers, the second one's as a pickle.
_NAMELESS = ("emb_params", "string_to_param.*")


@contextmanager
def lora_weights(model: Model, loras: Sequence[Lora]) -> Iterator[None]:
    """LoRAs at their weights and textual inversions in the vocabulary; afterwards the networks are as before, bit for bit.

    Both kinds of file, diffusers' and kohya's, are read by diffusers. A textual inversion's word is the name in its file,
    else the file's own.

    Raises:
        ModelNotFound: no such file.
        ModelMismatch: a damaged file, or one made for another family.
    """
    if not loras:
        yield
        return
    files = [find_lora(lora.path) for lora in loras]
    read_from = identity(files)
    found = [_File(file, read_weights(file), lora.weight) for file, lora in zip(files, loras, strict=True)]
    for file in found:
        _check_family(model, file.path, file.weights.shapes)
    inversions = [file for file in found if is_inversion(file.weights.shapes)]
    low_rank = [file for file in found if file not in inversions]
    with _with_inversions(model, inversions), _low_rank(model, low_rank):
        model.adapters = read_from
        try:
            yield
        finally:
            model.adapters = ()


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """A LoRA or textual inversion, read once: what was checked is what goes onto the model."""

    path: Path
    weights: Weights
    scale: float


@contextmanager
def _low_rank(model: Model, files: Sequence[_File]) -> Iterator[None]:
    """Hu et al. 2021, arXiv:2106.09685; never merged into the weights, which could not be undone exactly."""
    if not files:
        yield
        return
    pipeline: Any = model.pipeline
    names = [f"sd_core_{index}" for index in range(len(files))]
    try:
        for name, file in zip(names, files, strict=True):
            _load(model, file, name)
        pipeline.set_adapters(names, [file.scale for file in files])
        yield
    finally:
        pipeline.unload_lora_weights()
        # peft has frozen the networks; torch multiplies by frozen weights in another way, and rounds otherwise.
        for network in model.modules():
            network.requires_grad_(True)


def _load(model: Model, file: _File, name: str) -> None:
    import torch

    try:
        with quiet_libraries(), warnings.catch_warnings():
            # peft warns of a second LoRA on the same model, and of taking off one that does not fit: both are meant.
            warnings.simplefilter("ignore", UserWarning)
            put_lora(model, file.weights, name)
    except torch.OutOfMemoryError:
        raise
    except (ValueError, LookupError, RuntimeError, TypeError, AttributeError) as error:
        # What torch and peft say of layers that do not fit runs over many lines; the first two name one.
        reason = " ".join(str(error).split("\n")[:2]).replace("\t", "").strip()
        raise ModelMismatch(
            f"{file.path} does not fit {model.name} ({model.family}): {reason}", hint="use a LoRA made for this model"
        ) from error
    if not any(name in getattr(part, "peft_config", {}) for part in (model.unet, *model.text_encoders)):
        raise ModelMismatch(f"{file.path} has no LoRA weights for {model.name}", hint="use a LoRA made for its family")


@contextmanager
def _with_inversions(model: Model, files: Sequence[_File]) -> Iterator[None]:
    """Gal et al. 2022, arXiv:2208.01618."""
    if not files:
        yield
        return
    pipeline: Any = model.pipeline
    tokenizers = {name: pipeline.components[name] for name in _TOKENIZERS if pipeline.components.get(name)}
    embeddings = [encoder.get_input_embeddings() for encoder in model.text_encoders]
    try:
        for name, tokenizer in tokenizers.items():
            setattr(pipeline, name, deepcopy(tokenizer))
        for encoder, embedding in zip(model.text_encoders, embeddings, strict=True):
            # transformers grows the very layer that it is given.
            encoder.set_input_embeddings(deepcopy(embedding))
        for file in files:
            _load_inversion(model, file)
        yield
    finally:
        for name, tokenizer in tokenizers.items():
            setattr(pipeline, name, tokenizer)
        for encoder, embedding in zip(model.text_encoders, embeddings, strict=True):
            encoder.set_input_embeddings(embedding)
            encoder.config.vocab_size = embedding.num_embeddings


def _load_inversion(model: Model, file: _File) -> None:
    pipeline: Any = model.pipeline
    tensors = file.weights.tensors
    for key, embedding in tensors.items():
        index = _SDXL_KEYS.get(key, 0)
        word = key if len(tensors) == 1 and key not in (*_NAMELESS, *_SDXL_KEYS) else file.path.stem
        with explaining(file.path, "use a textual inversion made for this model"), quiet_libraries():
            pipeline.load_textual_inversion(
                {word: embedding.to(model.unet.dtype)},
                tokenizer=model.tokenizers[index],
                text_encoder=model.text_encoders[index],
            )


def family_of(shapes: Shapes) -> Family | None:
    """The family that a LoRA or textual inversion was made for, by the width of its text conditioning; None: it has none."""
    if any(_SECOND_ENCODER.match(name) or name == "clip_g" for name in shapes):
        return Family.SDXL
    if is_inversion(shapes):
        return WIDTHS.get(next(iter(shapes.values()))[-1])
    found = (_width(shapes, pattern) for pattern in (_CROSS_ATTENTION, _TEXT_ATTENTION))
    return next((WIDTHS.get(width) for width in found if width is not None), None)


def is_inversion(shapes: Shapes) -> bool:
    """Whether these are the tensors of a textual inversion."""
    if not shapes:
        return False
    return set(shapes) <= set(_SDXL_KEYS) or (len(shapes) == 1 and not any("lora" in name for name in shapes))


def _check_family(model: Model, file: Path, shapes: Shapes) -> None:
    """Compare the width of the text conditioning, before torch complains of it.

    Raises:
        ModelMismatch: names both families.
    """
    second = any(_SECOND_ENCODER.match(name) or name == "clip_g" for name in shapes)
    checks = ((_CROSS_ATTENTION, int(model.unet.config.cross_attention_dim)), (_TEXT_ATTENTION, _text_width(model)))
    found = next(((w, own) for pattern, own in checks if (w := _width(shapes, pattern)) is not None), None)
    if is_inversion(shapes) and not second:
        found = (next(iter(shapes.values()))[-1], _text_width(model))
    if second and model.family is not Family.SDXL:
        raise _mismatch(model, file, str(Family.SDXL))
    if found is not None and found[0] != found[1]:
        raise _mismatch(model, file, _family_named(found[0], second=second), *found)


def _width(shapes: Shapes, pattern: re.Pattern[str]) -> int | None:
    return next((shape[1] for name, shape in shapes.items() if pattern.search(name) and len(shape) > 1), None)


def _text_width(model: Model) -> int:
    return int(model.text_encoders[0].config.hidden_size)


def _family_named(width: int, *, second: bool) -> str:
    family = Family.SDXL if second else WIDTHS.get(width)
    return "a model of another width" if family is None else str(family)


def _mismatch(model: Model, file: Path, family: str, width: int = 0, model_width: int = 0) -> ModelMismatch:
    widths = f" (text width {width} against {model_width})" if width else ""
    return ModelMismatch(
        f"{file} was made for {family}, but {model.name} is {model.family}{widths}",
        hint=f"use a file made for {model.family}, or a model of the file's family",
    )
