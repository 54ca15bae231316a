"""Edits of the latents while they are denoised: keep what is outside a mask, start pixels late, pull towards a reference."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .loop import Edit
from .schedule import Schedule, Step


@dataclass(frozen=True, slots=True)
class KeepOutside(Edit):
    """Hold everything outside `mask` to `reference`, at each step's noise level; inpainting with any model.

    Args:
        mask: (1, 1, lh, lw), 1 where latents are free.
        reference: (b, c, lh, lw) clean latents.
        noise: (b, c, lh, lw), the noise with which the run started.

    The first step begins with the task's own latents, as in diffusers' inpainting pipeline. Blended latents: Avrahami et
    al. 2022, arXiv:2206.02779.
    """

    schedule: Schedule
    mask: Tensor
    reference: Tensor
    noise: Tensor

    def noisy(self, step: Step, x_t: Tensor) -> Tensor:
        if step.index == 0:
            return x_t
        kept = self.schedule.noise_to(self.reference, self.noise, step)
        return (1 - self.mask) * kept + self.mask * x_t


@dataclass(frozen=True, slots=True)
class StartAt(Edit):
    """Give every pixel its own first step: until then it follows `reference`, noised to the level at hand.

    Args:
        start: (1, 1, lh, lw) step indices; 0 denoises a pixel in full, `count` leaves the reference as it is.
        reference: (b, c, lh, lw) clean latents.
        noise: (b, c, lh, lw), the noise with which the run started.

    Levin & Fried 2023, "Differential Diffusion", arXiv:2306.00950.
    """

    schedule: Schedule
    start: Tensor
    reference: Tensor
    noise: Tensor

    def noisy(self, step: Step, x_t: Tensor) -> Tensor:
        waiting = self.start > min(step.index, step.count - 1)
        return torch.where(waiting, self.schedule.noise_to(self.reference, self.noise, step), x_t)


@dataclass(frozen=True, slots=True)
class PullTowards(Edit):
    """Pull the clean latents towards `reference` (1, c, lh, lw) by `weight` (1, 1, lh, lw) in [0, 1], in every step.

    The prediction is changed, not the noisy latents, so that any scheduler goes on from it with the noise that it had.
    """

    reference: Tensor
    weight: Tensor

    def clean(self, step: Step, x0: Tensor) -> Tensor:
        return x0 + self.weight * (self.reference - x0)
