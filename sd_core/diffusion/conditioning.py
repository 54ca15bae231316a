"""Conditioning of the UNet: text, guidance, SDXL's sizes, image prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sd_core.models import Family, Model

from .text import PromptEmbeds

# Scores with which diffusers asks SDXL refiners for pleasing pictures, and away from ugly ones.
_AESTHETIC_SCORE, _NEGATIVE_AESTHETIC_SCORE = 6.0, 2.5


@dataclass(frozen=True, slots=True)
class Conditioning:
    """Conditioning of one image, ready for the UNet.

    `embeddings` (passes, t, d): the negative prompt's first where the run is guided. `added` holds SDXL's pooled text and
    sizes and IP-Adapter's picture embeddings, in the same order.
    """

    embeddings: Tensor
    guided: bool
    guidance_scale: float
    added: dict[str, Any] | None = None
    timestep_cond: Tensor | None = None

    @property
    def passes(self) -> int:
        """Network passes to a prediction: two when guided."""
        return 2 if self.guided else 1

    def for_batch(self, batch: int) -> tuple[Tensor, dict[str, Any] | None]:
        """Embeddings and added conditions, each repeated for `batch` images."""
        added = None if self.added is None else {name: _repeat(value, batch) for name, value in self.added.items()}
        return _repeat(self.embeddings, batch), added


def is_guided(model: Model, guidance_scale: float) -> bool:
    """Whether guidance takes two passes: not at a scale of 1 or less, nor where the UNet takes the scale as an input (LCM)."""
    return guidance_scale > 1.0 and model.unet.config.time_cond_proj_dim is None


def make_conditioning(
    model: Model,
    embeds: PromptEmbeds,
    guidance_scale: float,
    size: tuple[int, int],
    image_embeds: list[Tensor] | None = None,
    *,
    scored: bool = False,
) -> Conditioning:
    """Assemble the conditioning of one image.

    Args:
        embeds: the encoded prompts.
        guidance_scale: classifier-free guidance; 1 or less is unguided.
        size: (height, width) in pixels, for SDXL's micro-conditioning (Podell et al. 2023, arXiv:2307.01952).
        image_embeds: IP-Adapter's, each (passes, ...), negative first.
        scored: an image-to-image run, where SDXL refiners take an aesthetic score.
    """
    guided = is_guided(model, guidance_scale)
    text = _stack(embeds.negative, embeds.prompt, guided)
    added: dict[str, Any] = {}
    if model.family is Family.SDXL:
        added["text_embeds"] = _stack(embeds.negative_pooled, embeds.pooled, guided)
        added["time_ids"] = _time_ids(model, size, guided, scored).to(text)
    if image_embeds is not None:
        added["image_embeds"] = image_embeds
    return Conditioning(text, guided, guidance_scale, added or None, _timestep_cond(model, guidance_scale, text))


def _stack(negative: Tensor | None, positive: Tensor | None, guided: bool) -> Tensor:
    assert positive is not None and (negative is not None or not guided), "the family's encoder gives both embeddings"
    return torch.cat([negative, positive]) if guided and negative is not None else positive


def _time_ids(model: Model, size: tuple[int, int], guided: bool, scored: bool) -> Tensor:
    """Original size, crop corner and target size; refiners take a score in place of the target size."""
    if scored and model.pipeline.config.get("requires_aesthetics_score", False):
        positive, negative = (*size, 0, 0, _AESTHETIC_SCORE), (*size, 0, 0, _NEGATIVE_AESTHETIC_SCORE)
    else:
        positive = negative = (*size, 0, 0, *size)
    return torch.tensor([negative, positive] if guided else [positive], dtype=torch.float32)


def _timestep_cond(model: Model, guidance_scale: float, like: Tensor) -> Tensor | None:
    """The embedded guidance scale that latent consistency models read (Luo et al. 2023, arXiv:2310.04378)."""
    width = model.unet.config.time_cond_proj_dim
    if width is None:
        return None
    half = width // 2
    frequencies = torch.exp(torch.arange(half) * -(torch.log(torch.tensor(10000.0)) / (half - 1)))
    angles = (guidance_scale - 1.0) * 1000.0 * frequencies
    embedded = torch.cat([angles.sin(), angles.cos()])
    return torch.nn.functional.pad(embedded, (0, width % 2))[None].to(like)


def _repeat(value: Any, batch: int) -> Any:
    if isinstance(value, list):
        return [_repeat(item, batch) for item in value]
    return value if batch == 1 else value.repeat_interleave(batch, dim=0)
