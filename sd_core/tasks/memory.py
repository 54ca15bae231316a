"""What to do when a device's memory does not suffice."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sd_core.diffusion.tiles import Tiling
from sd_core.models import Model

from .plan import Context

_DECODE_TILING = Tiling(tile=64, overlap=16)


def decode_within_memory(
    model: Model, latents: Tensor, tiling: Tiling | None, context: Context, decode: Callable[[Tiling | None], Tensor]
) -> Tensor:
    """Decode as planned; where the memory does not suffice, decode again in tiles and say so in the decisions.

    Raises:
        torch.OutOfMemoryError: tiles do not fit either.
    """
    try:
        return decode(tiling)
    except torch.OutOfMemoryError:
        if tiling is not None:
            raise
    # Outside the handler: the exception's traceback holds the tensors of the failed try.
    torch.cuda.empty_cache()
    context.decisions["vae_tiling"] = f"the decoder needed more memory than {model.placement.device} had free"
    return decode(_DECODE_TILING)
