"""Masks: cells that are free, soft edges, and what stands under a mask before it is painted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sd_core.requests import Seamless
from sd_core.values import unit_floats

from .patch_fill import patch_fill
from .seamless import wraps_x, wraps_y


def binary(mask: Tensor) -> Tensor:
    """A mask in [0, 1] cut at 0.5, as diffusers' inpainting pipelines do."""
    return (mask >= 0.5).to(mask.dtype)


def to_cells(mask: Tensor, scale: int) -> Tensor:
    """A pixel mask (1, 1, h, w) at latent size, by nearest neighbour as in diffusers."""
    return functional.interpolate(mask, size=(mask.shape[-2] // scale, mask.shape[-1] // scale))


def feather(mask: Tensor, radius: float) -> Tensor:
    """A binary mask (1, 1, h, w) with an edge that falls from 1 to 0 over `radius` pixels outside it; 0 leaves it hard.

    The fall is a raised cosine of the distance to the mask, so that a fill meets its surroundings without a crease.
    """
    if radius == 0:
        return mask
    from scipy.ndimage import distance_transform_edt

    outside = (mask[0, 0] < 0.5).numpy()
    distance = torch.from_numpy(np.asarray(distance_transform_edt(outside), np.float32))
    fall = 0.5 + 0.5 * torch.cos(torch.pi * (distance / (radius + 1)).clamp(max=1.0))
    return fall[None, None]


def fill_from_surroundings(pixels: Tensor, mask: Tensor) -> Tensor:
    """Continue the picture smoothly under the mask.

    Args:
        pixels: (1, 3, h, w).
        mask: (1, 1, h, w), binary, 1 where the picture is to be filled.

    Known colours are averaged into ever coarser pictures and pulled back into the gaps (the pull-push method, Gortler et
    al. 1996, "The Lumigraph").
    """
    known = 1 - mask
    if not known.any():
        return torch.zeros_like(pixels)
    return torch.where(mask > 0.5, _pull_push(pixels * known, known), pixels)


def continue_patterns(pixels: Tensor, mask: Tensor) -> Tensor:
    """Fill what is under the mask with the patterns around it; see `patch_fill`.

    Args:
        pixels: (1, 3, h, w) in [-1, 1].
        mask: (1, 1, h, w), binary, 1 where the picture is to be filled.
    """
    picture = (pixels[0].permute(1, 2, 0).numpy() + np.float32(1)) / 2
    filled = patch_fill(picture, mask[0, 0].numpy() > 0.5, _smooth)
    return torch.where(mask > 0.5, torch.from_numpy(filled).permute(2, 0, 1)[None] * 2 - 1, pixels)


def _smooth(picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    pixels, mask = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None], torch.from_numpy(hole)
    return fill_from_surroundings(pixels, mask[None, None].to(pixels.dtype))[0].permute(1, 2, 0).numpy()


def over_borders(function: Callable[..., Tensor], axes: Seamless, *planes: Tensor) -> Tensor:
    """`function` of planes (1, c, h, w) that go on over the borders along `axes`, its result cut back to (h, w)."""
    height, width = planes[0].shape[-2:]
    y, x = (height // 2 if wraps_y(axes) else 0), (width // 2 if wraps_x(axes) else 0)
    continued = [functional.pad(plane, (x, x, y, y), mode="circular") for plane in planes]
    return function(*continued)[..., y : y + height, x : x + width]


def _pull_push(weighted: Tensor, weight: Tensor) -> Tensor:
    """Colours times weight (1, 3, h, w) and weights (1, 1, h, w) in [0, 1] to a picture without gaps."""
    height, width = weight.shape[-2:]
    if max(height, width) == 1:
        return weighted / weight
    coarse_weight = functional.avg_pool2d(weight, 2, ceil_mode=True)
    coarse = _pull_push(functional.avg_pool2d(weighted, 2, ceil_mode=True), coarse_weight)
    guess = functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return torch.where(weight > 0, weighted / weight.clamp(min=1e-12), guess)


def paste(base: NDArray[np.uint8], painted: NDArray[np.uint8], soft_mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Painted pixels over the base where the mask says so; where it is 0 the base stays to the bit.

    Args:
        base, painted: (h, w, 3).
        soft_mask: (h, w) in [0, 1].
    """
    alpha = soft_mask[..., None]
    mixed = unit_floats(base) * (1 - alpha) + unit_floats(painted) * alpha
    return np.where(alpha > 0, np.rint(mixed * 255), base).astype(np.uint8)
