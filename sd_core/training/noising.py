"""The forward process and the velocity that the UNet learns."""

import torch
from diffusers import DDIMScheduler
from torch import Tensor


def stratified_timesteps(count: int, train_timesteps: int) -> Tensor:
    """(count,) timesteps spread evenly over the schedule with one random offset, which steadies the loss.

    Kingma et al. 2021, arXiv:2107.00630, appendix I.
    """
    places = (torch.rand(()) + torch.arange(count) / count) % 1
    return (places * train_timesteps).long().clamp_max(train_timesteps - 1)


def noisy_and_velocity(
    scheduler: DDIMScheduler, clean: Tensor, noise: Tensor, timesteps: Tensor
) -> tuple[Tensor, Tensor]:
    """x_t and v for (b, c, lh, lw) clean latents (Salimans and Ho 2022, arXiv:2202.00512)."""
    return scheduler.add_noise(clean, noise, timesteps), scheduler.get_velocity(clean, noise, timesteps)
