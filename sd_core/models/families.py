"""What a checkpoint is, read from its parts rather than from its name."""

from __future__ import annotations

from typing import Any

from sd_core.errors import ModelMismatch

from .model import Defaults, Family, UNetInput

_GUIDANCE = {Family.SD1: 7.5, Family.SD2: 7.5, Family.SDXL: 5.0}
_STEPS = 25
_DISTILLED_STEPS = 4
# The scale that latent consistency models were distilled for (Luo et al. 2023, arXiv:2310.04378).
_EMBEDDED_GUIDANCE = 8.5
_DISTILLED_SCHEDULERS = ("LCMScheduler", "TCDScheduler")
_EULER = ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler")


def family_of(pipeline: Any) -> Family:
    """SDXL conditions on time ids; SD 2 has an OpenCLIP text encoder (plain GELU), SD 1 OpenAI's (quick GELU).

    Raises:
        ModelMismatch: not a Stable Diffusion of these families.
    """
    unet, encoder = pipeline.unet.config, pipeline.components.get("text_encoder")
    if unet.addition_embed_type == "text_time":
        return Family.SDXL
    if encoder is None or unet.cross_attention_dim is None:
        raise ModelMismatch("this checkpoint has no text encoder of SD 1, SD 2 or SDXL", hint=_SUPPORTED)
    return Family.SD2 if encoder.config.hidden_act == "gelu" else Family.SD1


def unet_input_of(pipeline: Any) -> UNetInput:
    """What the UNet reads besides the latents, from its channels against the autoencoder's.

    Raises:
        ModelMismatch: channels that none of the known kinds has.
    """
    latents, read = pipeline.vae.config.latent_channels, pipeline.unet.config.in_channels
    kinds = {latents: UNetInput.TEXT, latents + 1: UNetInput.DEPTH, 2 * latents + 1: UNetInput.INPAINT}
    if read not in kinds:
        raise ModelMismatch(
            f"the UNet reads {read} channels where the autoencoder makes {latents}",
            hint=f"supported are {', '.join(f'{n} ({kind})' for n, kind in kinds.items())}",
        )
    return kinds[read]


def defaults_of(pipeline: Any, family: Family) -> Defaults:
    """Sensible values for a checkpoint that the catalogue does not know."""
    side = pipeline.unet.config.sample_size * 2 ** (len(pipeline.vae.config.block_out_channels) - 1)
    embedded = pipeline.unet.config.time_cond_proj_dim is not None
    if embedded or _is_distilled(pipeline.scheduler):
        guidance, steps = (_EMBEDDED_GUIDANCE if embedded else 1.0), _DISTILLED_STEPS
    else:
        guidance, steps = _GUIDANCE[family], _STEPS
    return Defaults(width=side, height=side, num_inference_steps=steps, guidance_scale=guidance)


def _is_distilled(scheduler: Any) -> bool:
    """Turbo and Lightning checkpoints come with an Euler scheduler that starts at the last timestep; others do not."""
    name, config = type(scheduler).__name__, scheduler.config
    if name in _DISTILLED_SCHEDULERS:
        return True
    trailing = config.get("timestep_spacing") == "trailing" and config.get("prediction_type") == "epsilon"
    return trailing and name in _EULER


_SUPPORTED = "supported are Stable Diffusion 1.x, 2.x and XL"
