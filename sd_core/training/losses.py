"""Losses of the autoencoder, on pictures in [-1, 1]."""

import torch
import torch.nn.functional as F
from torch import Tensor

from sd_core.values.luminance import REC_601

_YCBCR = (REC_601, (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def to_ycbcr(pictures: Tensor) -> Tensor:
    """(b, 3, h, w) RGB to luma and the two colour differences (ITU-R BT.601), same scale, without offset."""
    return torch.einsum("yc,bchw->byhw", pictures.new_tensor(_YCBCR), pictures)


def reconstruction_loss(reconstruction: Tensor, true: Tensor) -> Tensor:
    """Distance of two (b, 3, h, w) pictures: pixels, Laplacian bands, and colour after an 8x blur.

    The bands (Burt and Adelson 1983) keep edges and grain from being averaged away; the blurred term keeps the colour of
    every latent cell right, which the pixel terms alone let drift.
    """
    difference = to_ycbcr(reconstruction.float() - true.float())
    pixels = difference.abs().mean() + 2 * difference.square().mean()
    bands = reconstruction.new_zeros((), dtype=torch.float32)
    level = difference
    for weight in (0.5, 0.5, 0.5):
        smaller = F.avg_pool2d(level, 2)
        bands = bands + weight * (level - F.interpolate(smaller, scale_factor=2.0)).abs().mean()
        level = smaller
    colour = level[:, 1:].abs().mean()
    return pixels + bands + level.abs().mean() + 2 * colour


def kl_to_unit_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of diagonal normals from N(0, 1), mean over all latents (Kingma and Welling 2014)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def psnr(picture: Tensor, true: Tensor) -> Tensor:
    """(b,) peak signal-to-noise ratio in dB of (b, c, h, w) values in [-1, 1]."""
    error = (picture.float().clamp(-1, 1) - true.float()).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(4 / error.clamp_min(1e-10))
