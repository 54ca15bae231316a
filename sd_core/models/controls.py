"""The networks that read control pictures: ControlNets and T2I-Adapters that fit a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from sd_core.errors import ModelMismatch, ModelNotFound, RequestError

from .catalogue import CONTROLNETS, WIDTHS, known_hub_ids
from .configurations import read_json
from .formats import pickles_allowed
from .hub import HUB_ID, fetch_file, list_files
from .libraries import quiet_libraries
from .local import local_path
from .model import Family, Model
from .parts import DIFFUSERS_STEM, check_part, explaining, load_pretrained
from .t2i_adapters import check_t2i_adapter

if TYPE_CHECKING:
    from diffusers import ControlNetModel, T2IAdapter

ControlNetwork: TypeAlias = "ControlNetModel | T2IAdapter"

FOLDER_KIND = "depth"
"""What the ControlNet in a model's own folder reads."""


def load_control_network(name: str | None, kind: str, model: Model) -> ControlNetwork:
    """A ControlNet or a T2I-Adapter, whichever the configuration says, on the model's device, in its number format.

    Args:
        name: hub id or folder; None: the model's own ControlNet, else the one known for its family and `kind`.
        kind: what the control picture shows, a `ControlKind`.
        model: which it must fit.

    Raises:
        RequestError: none is known for this kind.
        ModelNotFound: no such network, or files are missing.
        ModelMismatch: made for another family, or a damaged file, or a pickle.
    """
    return read_control_network(find_control_network(name, kind, model), model)


def find_control_network(name: str | None, kind: str, model: Model) -> Path:
    """The folder of `load_control_network`'s network on this machine, fetched if need be; what is in it is not looked at.

    A repository that the catalogue names is the hub's, also where a folder of that name lies in the working folder.

    Raises:
        RequestError, ModelNotFound: see there.
    """
    name = name or _default_name(kind, model)
    folder = local_path(name)
    return folder if name not in known_hub_ids() and folder.is_dir() else _fetch(name)


def read_control_network(folder: Path, model: Model) -> ControlNetwork:
    """The network in a folder; see `load_control_network`."""
    if not (folder / "config.json").is_file():
        raise ModelNotFound(str(folder), "files are missing: config.json", hint=_GET_AGAIN)
    weights = check_part(folder, DIFFUSERS_STEM)
    if weights.missing:
        raise ModelNotFound(str(folder), f"files are missing: {', '.join(weights.missing)}", hint=_GET_AGAIN)
    with explaining(folder, "use a ControlNet or T2I-Adapter that diffusers wrote"), quiet_libraries():
        network_class = _class_that_fits(folder, read_json(folder / "config.json"), model)
        network = load_pretrained(network_class, folder, weights, dtype=model.placement.dtype)
    if model.placement.channels_last:
        network.to(memory_format=torch.channels_last)
    return network.to(model.placement.device)


def _class_that_fits(folder: Path, config: Mapping[str, Any], model: Model) -> Any:
    from diffusers import ControlNetModel, T2IAdapter

    match config.get("_class_name"):
        case "ControlNetModel":
            _check_controlnet(folder, config, model)
            return ControlNetModel
        case "T2IAdapter":
            check_t2i_adapter(folder, config, model)
            return T2IAdapter
        case other:
            raise ModelMismatch(f"{folder} holds a {other}, no ControlNet or T2I-Adapter", hint="name one of these")


def _default_name(kind: str, model: Model) -> str:
    own = None if model.source is None else model.source / "controlnet"
    if kind == FOLDER_KIND and own is not None and own.is_dir():
        return str(own)
    by_kind = CONTROLNETS[model.family]
    if kind not in by_kind:
        raise RequestError(
            "controlnet",
            f"no {kind} ControlNet is known for {model.family}",
            hint=f"name one, or use {', '.join(by_kind)}",
        )
    return by_kind[kind]


def _fetch(name: str) -> Path:
    if not HUB_ID.fullmatch(name):
        raise ModelNotFound(name, "no such ControlNet or T2I-Adapter", hint="name a folder or a hub id")
    files = list_files(name, name)
    wanted = [f"{DIFFUSERS_STEM}.safetensors", f"{DIFFUSERS_STEM}.fp16.safetensors"]
    wanted += [f"{DIFFUSERS_STEM}.bin"] if pickles_allowed() else []
    weights = next((file for file in wanted if file in files), None)
    if weights is None:
        raise ModelNotFound(name, f"it has no {wanted[0]}", hint="name another ControlNet or T2I-Adapter")
    fetch_file(name, name, weights)
    return fetch_file(name, name, "config.json").parent


_GET_AGAIN = "get its folder again"


def _check_controlnet(folder: Path, config: Mapping[str, Any], model: Model) -> None:
    width, own = config.get("cross_attention_dim"), model.unet.config.cross_attention_dim
    timed = config.get("addition_embed_type") == "text_time"
    if width == own and timed == (model.family is Family.SDXL):
        return
    family = Family.SDXL if timed else WIDTHS.get(width or 0, "a model of another width")
    raise ModelMismatch(
        f"{folder} was made for {family}, but {model.name} is {model.family} (text width {width} against {own})",
        hint=f"use a ControlNet made for {model.family}",
    )
