"""The edit that holds what was seen before to its reference."""

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
