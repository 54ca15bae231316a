"""The forward process and the velocity that the UNet learns."""

import torch
from diffusers import DDIMScheduler
from torch import Tensor

EVEN_SHARE = 0.2
"""Share of the timesteps that are drawn evenly; the others crowd where structure is decided."""
CENTRE, SPREAD = 0.4, 0.8
"""Of the logit of the place in the schedule: nine in ten lie between signal-to-noise ratios of 1.4 and 0.01. With less noise
every denoiser does well, and with more only the mean colour can be recognised."""


def crowded_timesteps(count: int, train_timesteps: int) -> Tensor:
    """(count,) timesteps, one from every `count`-th of their distribution: logit-normal, and a few spread evenly.

    Esser et al. 2024, arXiv:2403.03206; one random offset for all steadies the loss, Kingma et al. 2021, arXiv:2107.00630,
    appendix I.
    """
    strata = (torch.rand(()) + torch.arange(count) / count) % 1
    inside = ((strata - EVEN_SHARE) / (1 - EVEN_SHARE)).clamp_min(0)
    crowded = torch.sigmoid(CENTRE + SPREAD * torch.special.ndtri(inside))
    places = torch.where(strata < EVEN_SHARE, strata / EVEN_SHARE, crowded)
    return (places * train_timesteps).long().clamp_max(train_timesteps - 1)


def noisy_and_velocity(
    scheduler: DDIMScheduler, clean: Tensor, noise: Tensor, timesteps: Tensor
) -> tuple[Tensor, Tensor]:
    """x_t and v for (b, c, lh, lw) clean latents (Salimans and Ho 2022, arXiv:2202.00512)."""
    return scheduler.add_noise(clean, noise, timesteps), scheduler.get_velocity(clean, noise, timesteps)
