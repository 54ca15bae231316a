"""The number format that training computes in."""

import torch

from sd_core.devices import choose_placement


def autocast() -> torch.autocast:
    """Products in bfloat16 where the CPU has instructions for it, else in float32: emulated, a step takes twenty times as long."""
    native = choose_placement("cpu").dtype is torch.bfloat16
    return torch.autocast("cpu", torch.bfloat16, enabled=native)
