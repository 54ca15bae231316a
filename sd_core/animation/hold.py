"""Edits that hold what was seen before: to its reference, and to its colours."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sd_core.diffusion.loop import Edit
from sd_core.diffusion.schedule import Step


@dataclass(frozen=True, slots=True)
class Pin(Edit):
    """Pull the clean latents towards `reference` (1, c, lh, lw) by `weight` (1, 1, lh, lw) in [0, 1], in every step.

    The prediction is changed, not the noisy latents, so that any scheduler goes on from it with the noise that it had.
    """

    reference: Tensor
    weight: Tensor

    def clean(self, step: Step, x0: Tensor) -> Tensor:
        return x0 + self.weight * (self.reference - x0)


@dataclass(frozen=True, slots=True)
class HoldColours(Edit):
    """In the last steps, shift all clean latents so that those seen before have the mean of their reference.

    Args:
        seen: (1, 1, lh, lw), 1 where the reference holds.
        start: share of the steps after which it acts.

    A shift alone of adaptive instance normalisation (Huang & Belongie 2017, arXiv:1703.06868): to match deviations, too,
    would sharpen or blur.
    """

    reference: Tensor
    seen: Tensor
    start: float = 0.5

    def clean(self, step: Step, x0: Tensor) -> Tensor:
        if step.index < self.start * step.count:
            return x0
        total = self.seen.sum().clamp(min=1.0)
        gap = ((self.reference - x0) * self.seen).sum(dim=(-2, -1), keepdim=True) / total
        return x0 + gap
