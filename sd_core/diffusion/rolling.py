"""Rolling: a picture that is moved under the network at every step has no border that stays where it is.

For networks that padding cannot close. "Rolled diffusion", Vecchio et al. 2023, "ControlMat", arXiv:2309.01700.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sd_core.requests import Seamless

from .schedule import Step
from .seamless import wraps_x, wraps_y

Offset = tuple[int, int]
"""Latent cells by which a picture is moved: down, and to the right."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """How the pictures of a batch are moved: along which axes, and the seed of each."""

    axes: Seamless
    seeds: tuple[int, ...]

    def offsets(self, step: Step, cells: tuple[int, int]) -> list[Offset]:
        """Where each picture lies in `step`: anywhere on its (lh, lw) `cells`, and the same whenever it is asked."""
        return [self._offset(seed, step, cells) for seed in self.seeds]

    def _offset(self, seed: int, step: Step, cells: tuple[int, int]) -> Offset:
        down, right = np.random.default_rng((seed, step.index)).integers(cells)
        return int(down) if wraps_y(self.axes) else 0, int(right) if wraps_x(self.axes) else 0


def roll(x: Tensor, offsets: Sequence[Offset], scale: int = 1) -> Tensor:
    """Pictures over whose border what leaves on one side comes in on the other.

    Args:
        x: (b, c, h, w), or (1, c, h, w) for all alike.
        offsets: of each of the b pictures.
        scale: pixels to a latent cell.
    """
    pictures = x.expand(len(offsets), -1, -1, -1)
    moved = (
        picture.roll((down * scale, right * scale), (-2, -1))
        for picture, (down, right) in zip(pictures, offsets, strict=True)
    )
    return torch.stack(list(moved))


def back(offsets: Sequence[Offset]) -> list[Offset]:
    """What undoes `offsets`."""
    return [(-down, -right) for down, right in offsets]
