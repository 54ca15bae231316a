"""Between pixels and latents: the VAE, whole or in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from sd_core.errors import SDError
from sd_core.models import Model

from .loop import all_finite
from .noise import draw_noise
from .tiles import Tiling, map_tiles


def latent_scale(model: Model) -> int:
    """Pixels to a latent cell along one axis: 8 for every Stable Diffusion VAE."""
    return 2 ** (len(model.vae.config.block_out_channels) - 1)


def latent_channels(model: Model) -> int:
    """Channels of the latents."""
    return int(model.vae.config.latent_channels)


def encode(model: Model, pixels: Tensor, generators: Sequence[Generator], tiling: Tiling | None = None) -> Tensor:
    """Sample the VAE's posterior, once per generator.

    Args:
        pixels: (1, 3, h, w) float32 in [-1, 1].
        generators: one per image wanted; each draws the noise of one sample.
        tiling: encode in tiles; None: at once.

    Returns:
        (b, c, lh, lw) float32, scaled by the VAE's scaling factor. Kingma & Welling 2013, arXiv:1312.6114.
    """
    moments = _moments(model, pixels, tiling)
    mean, log_variance = moments.float().chunk(2, dim=1)
    deviation = torch.exp(0.5 * log_variance.clamp(-30.0, 20.0))
    _, channels, height, width = mean.shape
    noise = draw_noise((channels, height, width), generators, mean.device)
    return _normalise(model, mean + deviation * noise)


def encode_mean(model: Model, pixels: Tensor, tiling: Tiling | None = None) -> Tensor:
    """The mean of the VAE's posterior: `encode` without its noise."""
    return _normalise(model, _moments(model, pixels, tiling).float().chunk(2, dim=1)[0])


def decode(model: Model, latents: Tensor, tiling: Tiling | None = None) -> Tensor:
    """Pixels (b, 3, h, w) float32, about [-1, 1], of scaled latents (b, c, lh, lw).

    A result that is not finite in the VAE's own dtype is decoded again in float32, since half precision overflows in
    some VAEs.

    Raises:
        SDError: the latents, or the picture in float32, are not finite.
    """
    if not all_finite(latents):
        hint = "use dtype float32, a lower guidance_scale or another scheduler"
        raise SDError("the denoised latents hold values that are not finite", hint=hint)
    pixels = _decode_in(model, latents, model.vae.dtype, tiling)
    if not all_finite(pixels) and model.vae.dtype != torch.float32:
        pixels = _decode_in_float32(model, latents, tiling)
    if not all_finite(pixels):
        hint = "its weights may be damaged: pull it again"
        raise SDError("the VAE made values that are not finite, in float32 too", hint=hint)
    return pixels


def _decode_in_float32(model: Model, latents: Tensor, tiling: Tiling | None) -> Tensor:
    dtype = model.vae.dtype
    model.vae.to(torch.float32)
    try:
        return _decode_in(model, latents, torch.float32, tiling)
    finally:
        model.vae.to(dtype)


def _decode_in(model: Model, latents: Tensor, dtype: torch.dtype, tiling: Tiling | None) -> Tensor:
    def decode_tile(tile: Tensor) -> Tensor:
        return model.vae.decode(tile, return_dict=False)[0].float()

    z = _denormalise(model, latents).to(dtype)
    if tiling is None:
        return decode_tile(z)
    cells = (z.shape[-2], z.shape[-1])
    return map_tiles(decode_tile, z, tiling, cells=cells, scale_in=1, scale_out=latent_scale(model))


def _moments(model: Model, pixels: Tensor, tiling: Tiling | None) -> Tensor:
    """Mean and log variance, (b, 2c, lh, lw)."""

    def encode_tile(tile: Tensor) -> Tensor:
        return model.vae.encode(tile, return_dict=False)[0].parameters

    x = pixels.to(model.placement.device, model.vae.dtype)
    if tiling is None:
        return encode_tile(x)
    scale = latent_scale(model)
    cells = (x.shape[-2] // scale, x.shape[-1] // scale)
    return map_tiles(encode_tile, x, tiling, cells=cells, scale_in=scale, scale_out=1)


def _normalise(model: Model, latents: Tensor) -> Tensor:
    mean, deviation = _statistics(model, latents)
    return (latents - mean) * (model.vae.config.scaling_factor / deviation)


def _denormalise(model: Model, latents: Tensor) -> Tensor:
    mean, deviation = _statistics(model, latents)
    return latents / (model.vae.config.scaling_factor / deviation) + mean


def _statistics(model: Model, latents: Tensor) -> tuple[Tensor | float, Tensor | float]:
    """Mean and deviation of the latents per channel, which a few SDXL VAEs name in their configuration."""
    config = model.vae.config
    mean, deviation = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is None or deviation is None:
        return 0.0, 1.0
    return _per_channel(mean, latents), _per_channel(deviation, latents)


def _per_channel(values: Any, like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device, dtype=like.dtype).view(1, -1, 1, 1)
