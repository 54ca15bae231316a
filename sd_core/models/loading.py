"""From a name to a model in memory."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import torch

from sd_core.devices import Offload, Placement, memory
from sd_core.errors import ModelMismatch

from .families import defaults_of, family_of, unet_input_of
from .files import read_shapes, weight_files
from .folder import load_folder
from .model import Model, parameter_bytes
from .sources import Source, find_source
from .vocabulary import read_vocabulary

# What activations take beside the parameters of a model that just fits: a 512 px decode in half precision.
_WORKING_BYTES = 2 * 1024**3


def load_model(name: str, placement: Placement, *, allow_pickle: bool = False, offline: bool | None = None) -> Model:
    """Load a model and put it in its place.

    Args:
        name: "builtin", a name of the catalogue, a hub id, a folder, or a `.safetensors` file.
        placement: device and number formats.
        allow_pickle: also open `.bin` and `.ckpt` files, which can run any code.
        offline: use what is on this machine only; None: as the environment variable HF_HUB_OFFLINE says.

    Raises:
        ModelNotFound: no such model, or files are missing; says which and how to get them.
        ModelMismatch: a damaged file, or a kind of model that the engine does not run.
    """
    source = find_source(name, allow_pickle=allow_pickle, offline=offline)
    pipeline = _load(source, placement, allow_pickle=allow_pickle)
    family = family_of(pipeline)
    defaults = source.entry.defaults if source.entry else defaults_of(pipeline, family)
    model = Model(
        name=name,
        family=family,
        unet_input=unet_input_of(pipeline),
        placement=placement,
        defaults=defaults,
        pipeline=pipeline,
        source=source.path,
        revision=source.revision,
        vocabulary=read_vocabulary(source.path) if source.path.is_dir() else None,
    )
    return place(model)


def estimate_bytes(name: str, placement: Placement) -> int:
    """Bytes that the parameters of a model will take, read from its files' headers.

    Raises:
        ModelNotFound, ModelMismatch: see `load_model`.
    """
    source = find_source(name, allow_pickle=True)
    files = weight_files(source.path) if source.path.is_dir() else [source.path]
    files += [source.unet] if source.unet else []
    sizes = (_parameters(file) for file in files)
    return sum(sizes) * placement.dtype.itemsize


def place(model: Model) -> Model:
    """Move a model that was loaded on the CPU to its device; offload it where the device is too small for all of it."""
    # Parameters keep their requires_grad, as in diffusers: torch multiplies by them in another way, and rounds otherwise, without.
    if model.placement.channels_last:
        model.unet.to(memory_format=torch.channels_last)
        model.vae.to(memory_format=torch.channels_last)
    return _offloaded(model) if _too_large(model) else _moved(model)


def _load(source: Source, placement: Placement, *, allow_pickle: bool) -> Any:
    try:
        if source.path.is_dir():
            return load_folder(source.path, placement, unet=source.unet, entry=source.entry, allow_pickle=allow_pickle)
        from .single_file import load_single_file

        return load_single_file(source.path, placement)
    except (ValueError, KeyError, RuntimeError, OSError) as error:
        # The files are there and whole, so what diffusers stumbles over is their content.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelMismatch(
            f"{source.path} cannot be loaded: {reason}", hint="use Stable Diffusion 1.x, 2.x or XL"
        ) from error


def _parameters(file: Path) -> int:
    if file.suffix != ".safetensors":
        return file.stat().st_size // 2
    return sum(prod(shape) for shape in read_shapes(file).values())


def _moved(model: Model) -> Model:
    if model.placement.device.type != "cpu":
        model.pipeline.to(model.placement.device)
    return model


def _too_large(model: Model) -> bool:
    device = model.placement.device
    if model.placement.offload is Offload.MODEL:
        return True
    return device.type == "cuda" and parameter_bytes(model) + _WORKING_BYTES > memory(device).free


def _offloaded(model: Model) -> Model:
    reasons = {
        **model.placement.reasons,
        "offload": f"{model.placement.device} has too little free memory for all networks",
    }
    model.placement = replace(model.placement, offload=Offload.MODEL, reasons=reasons)
    pipeline: Any = model.pipeline
    pipeline.enable_model_cpu_offload(device=model.placement.device)
    return model
