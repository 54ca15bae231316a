"""The number format and the kernels that training computes with."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from sd_core.devices import choose_placement


@contextmanager
def autocast() -> Iterator[None]:
    """Products in bfloat16 where the CPU has instructions for it, else in float32: emulated, a step takes twenty times as long.

    Attention is written out: torch's fused kernel for CPUs goes backwards slowly over few latents and narrow heads.
    """
    native = choose_placement("cpu").dtype is torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16, enabled=native), sdpa_kernel(SDPBackend.MATH):
        yield
