"""From a name to a model in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from sd_core.devices import Offload, Placement, memory

from .families import defaults_of, family_of, unet_input_of
from .files import weight_files
from .folder import load_folder, read_index
from .model import Model, parameter_bytes
from .parts import explaining
from .sources import ModelSource, find_source, model_identity
from .tensors import count_parameters
from .vocabulary import read_vocabulary

# What activations take besides the parameters of a model that just fits: a 512 px decode in half precision.
_WORKING_BYTES = 2 * 1024**3
_SUPPORTED = "use Stable Diffusion 1.x, 2.x or XL"


def load_model(
    name: str, placement: Placement, *, allow_pickle: bool | None = None, offline: bool | None = None
) -> Model:
    """Load a model and put it in its place.

    Args:
        name: "builtin", a name of the catalogue, a hub id, a folder, or a file of weights, whatever its suffix.
        placement: device and number formats.
        allow_pickle: also read the weights in pickles such as `.ckpt` and `.bin` files, through torch's weights-only unpickler,
            which runs nothing; None: if the environment variable SD_CORE_ALLOW_PICKLE is 1.
        offline: use what is on this machine only; None: as the environment variable HF_HUB_OFFLINE says.

    Raises:
        ModelNotFound: no such model, or files are missing; says which and how to get them.
        ModelMismatch: a damaged file, a pickle, a folder that names code, or a kind of model that the engine does not run.
    """
    source = find_source(name, allow_pickle=allow_pickle, offline=offline)
    if source.path.is_dir():
        read_index(source.path)  # any folder may be named: all files are looked at only in one that is a model's
    files = model_identity(name)
    pipeline = _load(source, placement, allow_pickle=allow_pickle)
    with explaining(source.path, _SUPPORTED):
        family, unet_input = family_of(pipeline), unet_input_of(pipeline)
        defaults = source.entry.defaults if source.entry else defaults_of(pipeline, family)
    model = Model(
        name=name,
        family=family,
        unet_input=unet_input,
        placement=placement,
        defaults=defaults,
        pipeline=pipeline,
        source=source.path,
        revision=source.revision,
        vocabulary=read_vocabulary(source.path) if source.path.is_dir() else None,
        identity=files,
    )
    return move_to_device(model)


def estimate_bytes(name: str, placement: Placement, *, allow_pickle: bool | None = None) -> int:
    """Bytes that the parameters of a model will take, read from its files' headers.

    Raises:
        ModelNotFound, ModelMismatch: see `load_model`.
    """
    source = find_source(name, allow_pickle=allow_pickle)
    files = weight_files(source.path) if source.path.is_dir() else [source.path]
    files += [source.unet] if source.unet else []
    sizes = (count_parameters(file, allow_pickle=allow_pickle) for file in files)
    return sum(sizes) * placement.dtype.itemsize


def move_to_device(model: Model) -> Model:
    """Move a model that was loaded on the CPU to its device; offload it where the device is too small for all of it."""
    # Parameters keep their requires_grad, as in diffusers: torch multiplies by them in another way, and rounds otherwise, without.
    if model.placement.channels_last:
        model.unet.to(memory_format=torch.channels_last)
        model.vae.to(memory_format=torch.channels_last)
    return _offload(model) if _too_large(model) else _move(model)


def _load(source: ModelSource, placement: Placement, *, allow_pickle: bool | None) -> Any:
    with explaining(source.path, _SUPPORTED):
        if source.path.is_dir():
            return load_folder(source.path, placement, unet=source.unet, entry=source.entry, allow_pickle=allow_pickle)
        from .single_file import load_single_file

        return load_single_file(source.path, placement, allow_pickle=allow_pickle)


def _move(model: Model) -> Model:
    if model.placement.device.type != "cpu":
        model.pipeline.to(model.placement.device)
    return model


def _too_large(model: Model) -> bool:
    device = model.placement.device
    if model.placement.offload is Offload.MODEL:
        return True
    return device.type == "cuda" and parameter_bytes(model) + _WORKING_BYTES > memory(device).free


def _offload(model: Model) -> Model:
    reasons = {
        **model.placement.reasons,
        "offload": f"{model.placement.device} has too little free memory for all networks",
    }
    model.placement = replace(model.placement, offload=Offload.MODEL, reasons=reasons)
    pipeline: Any = model.pipeline
    pipeline.enable_model_cpu_offload(device=model.placement.device)
    return model
