"""The one place where pixels change between arrays as users know them and tensors as networks want them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sd_core.values import unit_floats
from sd_core.values.luminance import REC_601


def to_pixels(image: NDArray[np.generic]) -> Tensor:
    """An image (h, w, 3 or 4) as (1, 3, h, w) float32 in [-1, 1], the VAE's range; alpha is left out."""
    return to_unit_pixels(image) * 2.0 - 1.0


def to_unit_pixels(image: NDArray[np.generic]) -> Tensor:
    """An image (h, w, 3 or 4) or a map (h, w) as (1, 3, h, w) float32 in [0, 1], the range of control pictures."""
    floats = unit_floats(image)
    rgb = np.repeat(floats[..., None], 3, axis=2) if floats.ndim == 2 else floats[..., :3]
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None]


def to_grey(pixels: Tensor) -> Tensor:
    """The brightness (b, 1, h, w) of pictures (b, 3, h, w): the weights of ITU-R BT.601, as in Pillow's mode "L".

    What is grey stays as it is, to the bit.
    """
    red, green, blue = pixels.split(1, dim=1)
    of_red, _, of_blue = REC_601
    return green + of_red * (red - green) + of_blue * (blue - green)


def to_mask(mask: NDArray[np.generic]) -> Tensor:
    """A mask (h, w) in [0, 1] as (1, 1, h, w) float32."""
    return torch.from_numpy(np.ascontiguousarray(unit_floats(mask)))[None, None]


def to_array(pixels: Tensor) -> NDArray[np.uint8]:
    """One decoded picture (3, h, w) in [-1, 1] as (h, w, 3) uint8, rounded as diffusers' image processor does."""
    unit = (pixels.float() / 2 + 0.5).clamp(0, 1)
    return unit.permute(1, 2, 0).mul(255).round().to(torch.uint8).cpu().numpy()
