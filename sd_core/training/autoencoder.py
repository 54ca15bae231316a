"""Stages 1 and 4: the autoencoder, and its decoder alone against a patch discriminator."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from sd_core.training.config import Size
from sd_core.training.images import Images
from sd_core.training.loop import Loss
from sd_core.training.losses import kl_to_unit_normal, psnr, reconstruction_loss
from sd_core.training.precision import autocast
from sd_core.training.sheets import to_pictures, write_sheet

KL_WEIGHT = 1e-6
LATENT_NOISE = 0.05
"""Noise on the unit-variance latents in the decoder stage: a sampler's latents are never quite those of a picture."""


def crops(images: list[Images], count: int, size: int, rng: np.random.Generator) -> Tensor:
    """(count, 3, size, size) float32 in [-1, 1]: random crops, mirrored and turned at random, buckets weighted by their pixels."""
    pixels = np.array([bucket.pictures[..., 0].size for bucket in images], np.float64)
    chosen = rng.choice(len(images), size=count, p=pixels / pixels.sum())
    batch = np.stack([_crop(images[index], size, rng) for index in chosen])
    return torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 127.5 - 1


def mixed_crops(images: list[Images], count: int, rng: np.random.Generator) -> Tensor:
    """`count` crops of 64 px, or a quarter as many of 128 px, by chance.

    Group normalisation takes its statistics over the whole picture: trained on small crops alone, the colours of a large
    picture with several objects are wrong.
    """
    return crops(images, count, 64, rng) if rng.random() < 0.4 else crops(images, max(1, count // 4), 128, rng)


def _crop(images: Images, size: int, rng: np.random.Generator) -> np.ndarray:
    picture = images.pictures[rng.integers(len(images))]
    y, x = (int(rng.integers(extent - size + 1)) for extent in picture.shape[:2])
    crop = picture[y : y + size, x : x + size, :: rng.choice((-1, 1))]
    return np.swapaxes(crop, 0, 1) if rng.random() < 0.5 else crop


def first_pictures(images: list[Images], count: int) -> Tensor:
    """(count, 3, h, w) whole pictures of the first bucket, for sheets."""
    pictures = images[0].pictures[:count]
    return torch.from_numpy(pictures.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1


class AutoencoderTask:
    """Reconstruct crops; a tiny KL term keeps the latents from growing without bound."""

    def __init__(self, autoencoder: AutoencoderKL, images: list[Images]) -> None:
        # one thread of a CPU convolves few channels half again as fast in this layout, which crops have too
        autoencoder.to(memory_format=torch.channels_last)
        self.modules = nn.ModuleDict({"autoencoder": autoencoder})
        self._autoencoder, self._images = autoencoder, images

    def loss(self, rng: np.random.Generator, batch: int, done: float) -> Loss:
        true = mixed_crops(self._images, batch, rng)
        with autocast():
            posterior = self._autoencoder.encode(true).latent_dist
            made = self._autoencoder.decode(posterior.sample()).sample
        value = reconstruction_loss(made, true)
        kl = kl_to_unit_normal(posterior.mean.float(), posterior.logvar.float())
        return Loss(
            value + KL_WEIGHT * kl,
            {"loss": value.item(), "kl": kl.item(), "psnr": psnr(made.detach(), true).mean().item()},
        )

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        _reconstruction_sheet(average["autoencoder"], first_pictures(self._images, 24), path)


class DecoderTask:
    """Train the decoder alone, so that the UNet's latents stay valid: reconstruction, latent noise, and a hinge GAN on patches.

    Isola et al. 2017, arXiv:1611.07004 (patches); Lim and Ye 2017, arXiv:1705.02894 (hinge).
    """

    def __init__(self, autoencoder: AutoencoderKL, images: list[Images], size: Size) -> None:
        autoencoder.encoder.requires_grad_(False)
        autoencoder.quant_conv.requires_grad_(False)
        self._critic = PatchCritic(16 if size is Size.TINY else 48)
        self.modules = nn.ModuleDict({"autoencoder": autoencoder, "critic": self._critic})
        self._autoencoder, self._images = autoencoder, images

    def loss(self, rng: np.random.Generator, batch: int, done: float) -> Loss:
        true = mixed_crops(self._images, batch, rng)
        with autocast():
            with torch.no_grad():
                latents = self._autoencoder.encode(true).latent_dist.mean
            noise = LATENT_NOISE * torch.rand(len(latents), 1, 1, 1) * torch.randn_like(latents.float())
            made = self._autoencoder.decode(latents + noise.to(latents.dtype)).sample
            adversarial = -self._frozen_critic(made).float().mean()
            judged_true, judged_made = self._critic(true).float(), self._critic(made.detach()).float()
        critic = F.relu(1 - judged_true).mean() + F.relu(1 + judged_made).mean()
        reconstruction = reconstruction_loss(made, true)
        value = reconstruction + 0.02 * adversarial + critic
        return Loss(
            value,
            {"loss": reconstruction.item(), "critic": critic.item(), "psnr": psnr(made.detach(), true).mean().item()},
        )

    def _frozen_critic(self, reconstruction: Tensor) -> Tensor:
        weights = {name: parameter.detach() for name, parameter in self._critic.named_parameters()}
        return torch.func.functional_call(self._critic, weights, (reconstruction,))

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        _reconstruction_sheet(average["autoencoder"], first_pictures(self._images, 24), path)


class PatchCritic(nn.Sequential):
    """Judges overlapping patches of 22 px: (b, 3, h, w) to (b, 1, h / 4, w / 4), high for real pictures."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(3, channels, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(channels, 2 * channels, 4, 2, 1), nn.GroupNorm(8, 2 * channels), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * channels, 2 * channels, 3, 1, 1), nn.GroupNorm(8, 2 * channels), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * channels, 1, 1),
        )  # fmt: skip


def _reconstruction_sheet(autoencoder: AutoencoderKL, true: Tensor, path: Path) -> None:
    with torch.inference_mode():
        made = autoencoder.decode(autoencoder.encode(true).latent_dist.mean).sample
    above, below = to_pictures(true), to_pictures(made)
    rows = [
        block
        for start in range(0, len(true), 8)
        for block in (list(above[start : start + 8]), list(below[start : start + 8]))
    ]
    write_sheet(rows, path)
