"""Whether a T2I-Adapter fits a model (Mou et al. 2023, arXiv:2302.08453)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sd_core.errors import ModelMismatch

from .libraries import quiet_libraries
from .model import Model

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

Features = tuple[int, int]
"""Channels of a feature map, and pixels of the picture to one of its cells."""

_COLOURS = (1, 3)


def check_t2i_adapter(folder: Path, config: Mapping[str, Any], model: Model) -> None:
    """Refuse an adapter that makes other features than the model's UNet takes.

    Raises:
        ModelMismatch: made for another family, of a type that diffusers does not know, or reading no picture.
    """
    made = adapter_features(folder, config)
    scale = 2 ** (len(model.vae.config.block_out_channels) - 1)
    taken = list(unet_features(model.unet, scale))
    if made != taken[: len(made)]:
        raise ModelMismatch(
            f"{folder} does not fit {model.name}, which is {model.family}: "
            f"it makes {_describe(made)}, where the UNet takes {_describe(taken)}",
            hint=f"use a T2I-Adapter made for {model.family}",
        )


def adapter_features(folder: Path, config: Mapping[str, Any]) -> list[Features]:
    """What an adapter of this configuration makes, found by running it without weights and without numbers.

    Raises:
        ModelMismatch: of a type that diffusers does not know, or reading no picture.
    """
    from diffusers import T2IAdapter

    try:
        with torch.device("meta"), quiet_libraries():
            network: Any = T2IAdapter.from_config(dict(config))
    except ValueError as error:
        raise ModelMismatch(f"{folder} cannot be read: {error}", hint="name another T2I-Adapter") from error
    colours = network.config.in_channels
    if colours not in _COLOURS:
        hint = "name one that reads colour or grey pictures"
        raise ModelMismatch(f"{folder} is a T2I-Adapter that reads {colours} channels", hint=hint)
    side = network.total_downscale_factor
    made = network(torch.zeros(1, colours, side, side, device="meta"))
    return [(feature.shape[1], side // feature.shape[3]) for feature in made]


def unet_features(unet: UNet2DConditionModel, scale: int) -> Iterator[Features]:
    """What can be added to the blocks of the UNet's way down, and to its middle.

    Args:
        unet: anywhere, "meta" too.
        scale: pixels to a latent cell.
    """
    channels = 0
    for block, channels in zip(unet.down_blocks, unet.config.block_out_channels, strict=True):
        # diffusers adds to blocks with attention before they down-sample, and to others behind.
        before = getattr(block, "has_cross_attention", False)
        if before:
            yield channels, scale
        scale *= 2 if block.downsamplers else 1
        if not before:
            yield channels, scale
    yield channels, scale


def _describe(features: Sequence[Features]) -> str:
    return ", ".join(f"{channels} channels at 1/{scale}" for channels, scale in features)
