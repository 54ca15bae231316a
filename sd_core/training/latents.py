"""Latents: their normalisation, folded into the autoencoder, and their cache on disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from sd_core.files import whole_file
from sd_core.training.data import SampleKind
from sd_core.training.images import AREA, Images
from sd_core.training.precision import autocast


@torch.inference_mode()
def channel_statistics(autoencoder: AutoencoderKL, images: list[Images], *, count: int = 512) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (c,) of each latent channel over `count` pictures of each bucket, areas counted alike."""
    total, square, cells = 0.0, 0.0, 0
    for bucket in images:
        area = bucket.bucket.height * bucket.bucket.width / AREA
        for start in range(0, min(len(bucket), round(count / area)), 16):
            latents = encode(autoencoder, bucket.pictures[start : start + 16])[0].double()
            total, square = total + latents.sum((0, 2, 3)), square + latents.square().sum((0, 2, 3))
            cells += latents.shape[0] * latents.shape[2] * latents.shape[3]
    mean = torch.as_tensor(total / cells)
    return mean.float(), (torch.as_tensor(square / cells) - mean.square()).sqrt().float()


@torch.no_grad()
def fold_statistics(autoencoder: AutoencoderKL, mean: Tensor, deviation: Tensor) -> None:
    """Make the latents zero-mean and unit-variance per channel by changing `quant_conv` and `post_quant_conv` in place.

    The decoded pictures stay the same: what the encoder's last layer divides by, the decoder's first multiplies by.
    """
    quant, post = autoencoder.quant_conv, autoencoder.post_quant_conv
    channels = len(mean)
    quant.weight[:channels] /= deviation[:, None, None, None]
    quant.bias[:channels] = (quant.bias[:channels] - mean) / deviation
    quant.bias[channels:] -= 2 * deviation.log()
    post.bias += post.weight[:, :, 0, 0] @ mean
    post.weight *= deviation[None, :, None, None]


@torch.inference_mode()
def encode(autoencoder: AutoencoderKL, pictures: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """(b, h, w, 3) uint8 to the mean and standard deviation of the posterior, each (b, c, h / 8, w / 8) float32."""
    batch = torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
    with autocast():
        posterior = autoencoder.encode(batch).latent_dist
    return posterior.mean.float(), posterior.std.float()


@dataclass(frozen=True, slots=True)
class Latents:
    """A bucket of images as latents: (n, 2, c, lh, lw) float16, mean and standard deviation, and the images themselves.

    Scenes are stored twice, the second time mirrored.
    """

    images: Images
    values: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.values)

    def captions(self, index: int) -> list[str]:
        """The captions of one entry."""
        return self.images.labels[index % len(self.images)]["captions"]

    def control(self, index: int) -> NDArray[np.uint8]:
        """The stored (h, w) control picture of one entry."""
        mirrored, original = divmod(index, len(self.images))
        return self.images.controls[original][:, :: -1 if mirrored else 1]


def cache_latents(autoencoder: AutoencoderKL, images: list[Images], folder: Path) -> Iterator[tuple[int, int]]:
    """Encode every bucket into `folder`, skipping finished ones; yields (done, count) in areas of 128 x 128 px."""
    folder.mkdir(parents=True, exist_ok=True)
    areas = [len(bucket) * bucket.bucket.height * bucket.bucket.width / AREA for bucket in images]
    done = 0.0
    for bucket, area in zip(images, areas, strict=True):
        if not _path(folder, bucket).exists():
            for share in _encode_bucket(autoencoder, bucket, _path(folder, bucket)):
                yield int(done + share * area), int(sum(areas))
        done += area
        yield int(done), int(sum(areas))


def open_latents(images: list[Images], folder: Path) -> list[Latents]:
    """Open what `cache_latents` has finished."""
    return [Latents(bucket, np.load(_path(folder, bucket), mmap_mode="r", allow_pickle=False)) for bucket in images]


def _encode_bucket(autoencoder: AutoencoderKL, images: Images, path: Path) -> Iterator[float]:
    batch = max(1, 32 * AREA // (images.bucket.height * images.bucket.width))
    directions = (1, -1) if SampleKind.SCENE in images.bucket.kinds else (1,)
    encoded = []
    for turn, direction in enumerate(directions):
        for start in range(0, len(images), batch):
            pictures = images.pictures[start : start + batch, :, ::direction]
            encoded.append(torch.stack(encode(autoencoder, pictures), dim=1).half().numpy())
            yield (turn + start / len(images)) / len(directions)
    with whole_file(path) as temporary:
        np.save(temporary, np.concatenate(encoded))


def _path(folder: Path, images: Images) -> Path:
    return folder / f"{images.bucket.name}.latents.npy"
