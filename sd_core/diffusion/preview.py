"""Cheap previews of clean latents: one linear map from latent channels to RGB, fitted to the VAE at hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sd_core.models import Model

from .images import to_array
from .latents import encode_mean, latent_scale

_CHART_CELLS = 24
_LARGEST_SIDE = 512


@dataclass(frozen=True, slots=True)
class LatentPreview:
    """`rgb = latents @ matrix + offset`, in [-1, 1]; `matrix` (c, 3), `offset` (3,)."""

    matrix: Tensor
    offset: Tensor
    scale: int

    def __call__(self, latents: Tensor) -> NDArray[np.uint8]:
        """A picture (h, w, 3) uint8 of one image's clean latents (c, lh, lw), its longer side at most 512 px."""
        rgb = torch.einsum("chw,cd->dhw", latents.float().cpu(), self.matrix) + self.offset[:, None, None]
        scale = max(1, min(self.scale, _LARGEST_SIDE // max(rgb.shape[1:])))
        large = functional.interpolate(rgb[None], scale_factor=scale, mode="bilinear")[0]
        return to_array(large)


def fit_preview(model: Model) -> LatentPreview:
    """Fit the map by least squares on a colour chart that the VAE encodes; right for any VAE, without a table.

    The chart holds coloured fields from one cell to a quarter of its side in size. Its pixels averaged over each cell
    are regressed on the latents of that cell.
    """
    scale = latent_scale(model)
    chart = _colour_chart(_CHART_CELLS * scale)
    latents = encode_mean(model, chart).float().cpu()[0].flatten(1).T
    colours = functional.avg_pool2d(chart, scale)[0].flatten(1).T
    design = torch.cat([latents, torch.ones(len(latents), 1)], dim=1)
    ridge = 1e-3 * torch.eye(design.shape[1])
    solution = torch.linalg.solve(design.T @ design + ridge, design.T @ colours)
    return LatentPreview(solution[:-1], solution[-1], scale)


def _colour_chart(size: int) -> Tensor:
    """Random colours at four sizes, (1, 3, size, size) in [-1, 1]."""
    generator = torch.Generator("cpu").manual_seed(0)
    chart = torch.zeros(1, 3, size, size)
    for fields, share in ((4, 0.5), (8, 0.3), (16, 0.15), (24, 0.05)):
        colours = torch.rand((1, 3, fields, fields), generator=generator) * 2 - 1
        chart += share * functional.interpolate(colours, size=size, mode="bilinear")
    return (2 * chart).clamp(-1, 1)
