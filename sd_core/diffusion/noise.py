"""Seeded noise: float32, on the CPU, so that every device and dtype starts from the same numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor


def seeded_generators(seed: int, count: int) -> list[Generator]:
    """One CPU generator per image; image `i` is seeded with `seed + i`."""
    return [torch.Generator("cpu").manual_seed(seed + i) for i in range(count)]


def draw_noise(shape: tuple[int, int, int], generators: Sequence[Generator], device: torch.device) -> Tensor:
    """Unit Gaussian noise, (b, *shape) float32, one draw of each generator in turn."""
    samples = [torch.randn((1, *shape), generator=generator, dtype=torch.float32) for generator in generators]
    return torch.cat(samples).to(device)
