"""A small classifier of material and colour, trained on generated textures: the judge of builtin_prompts.py."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor, nn

from sd_core.models import BUILTIN_FOLDER
from sd_core.training.data import COLOURS, MATERIALS, SampleKind, make_sample
from sd_core.training.precision import autocast

SIZE = 128
HELD_OUT_SEED = 920_000_000
HELD_OUT_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Examples:
    """(n, h, w, 3) uint8 textures with the indices of their materials and colours."""

    pictures: NDArray[np.uint8]
    materials: NDArray[np.int64]
    colours: NDArray[np.int64]


class Residual(nn.Module):
    """Two convolutions beside the way straight through."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_convolution(channels, channels), nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, values: Tensor) -> Tensor:
        return F.relu(values + self.body(values))


class Classifier(nn.Module):
    """(b, 3, 128, 128) in [-1, 1] to logits of material and of colour."""

    def __init__(self) -> None:
        super().__init__()
        layers = _convolution(3, 32, size=5, stride=2)
        for inside, outside in ((32, 64), (64, 128), (128, 160)):
            layers += [*_convolution(inside, outside, stride=2), Residual(outside)]
        self.body = nn.Sequential(*layers)
        self.material = nn.Sequential(nn.Dropout(0.2), nn.Linear(320, len(MATERIALS)))
        # colour is a mean, not a structure: it has its own short way
        self.shade = nn.Sequential(nn.Conv2d(3, 32, 1), nn.ReLU(), nn.Conv2d(32, 64, 1), nn.ReLU())
        self.colour = nn.Linear(160 + 128, len(COLOURS))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        body, shade = self.body(pictures), self.shade(F.avg_pool2d(pictures, 4))
        pooled = torch.cat([body.mean((2, 3)), body.amax((2, 3))], 1)
        shades = torch.cat([shade.mean((2, 3)), shade.amax((2, 3)), body.mean((2, 3))], 1)
        return self.material(pooled), self.colour(shades)


def _convolution(inside: int, outside: int, *, size: int = 3, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inside, outside, size, stride, padding=size // 2), nn.BatchNorm2d(outside), nn.ReLU()]


def examples(count: int, seed: int, side: int = SIZE, processes: int = 2) -> Examples:
    """Textures of `side` px of every pair, also of those held out of the model's training: the judge must know them."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        drawn = list(pool.map(_example, range(seed, seed + count), repeat(side), chunksize=64))
    pictures, materials, colours = zip(*drawn, strict=True)
    return Examples(np.stack(pictures), np.array(materials), np.array(colours))


def _example(seed: int, side: int) -> tuple[NDArray[np.uint8], int, int]:
    rng = np.random.default_rng(seed)
    sample = make_sample(seed, side, side, kind=SampleKind.TEXTURE, held_out=bool(rng.random() < HELD_OUT_SHARE))
    return sample.image, MATERIALS.index(sample.material), COLOURS.index(sample.colour)


def load_autoencoder(model: str) -> AutoencoderKL:
    """That of "builtin", or of a folder in the diffusers layout.

    Raises:
        OSError: no such folder, or no autoencoder in it.
    """
    folder = BUILTIN_FOLDER if model == "builtin" else Path(model)
    return AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True).eval()


@torch.inference_mode()
def through(autoencoder: AutoencoderKL, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, h, w, 3) pictures encoded and decoded: what a perfect sample would look like."""
    decoded = []
    for start in range(0, len(pictures), 16):
        with autocast():
            latents = autoencoder.encode(to_input(pictures[start : start + 16])).latent_dist.mode()
            pixels = autoencoder.decode(latents).sample.float().clamp(-1, 1)
        decoded.append(((pixels.permute(0, 2, 3, 1) + 1) * 127.5).round().byte().numpy())
    return np.concatenate(decoded)


def to_input(pictures: NDArray[np.uint8]) -> Tensor:
    """(n, h, w, 3) uint8 to (n, 3, h, w) in [-1, 1]."""
    return torch.from_numpy(pictures.copy()).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1


def train(count: int, epochs: int, autoencoder: AutoencoderKL, side: int, seed: int = 0) -> Classifier:
    """Train on areas of `count` textures of `side` px, a third of them encoded and decoded, blurred and noised at random.

    The judge is to see materials, not the decoder's touch: without it, it takes hexagons for cobblestone once they are decoded.
    """
    torch.manual_seed(seed)
    data = examples(count, HELD_OUT_SEED, side)
    data.pictures[::3] = through(autoencoder, data.pictures[::3])
    classifier = Classifier().train()
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=epochs * (count // 64))
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for pictures, materials, colours in _batches(data, 64, rng):
            with autocast():
                material, colour = classifier(_disturbed(pictures))
            loss = F.cross_entropy(material.float(), materials, label_smoothing=0.05)
            loss += F.cross_entropy(colour.float(), colours)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return classifier.eval()


def kept(path: Path | None, count: int, epochs: int, autoencoder: AutoencoderKL, side: int) -> Classifier:
    """The judge in the file `path`, or a new one, which is then kept there."""
    if path is None or not path.exists():
        classifier = train(count, epochs, autoencoder, side)
        if path is not None:
            torch.save(classifier.state_dict(), path)
        return classifier
    classifier = Classifier().eval()
    classifier.load_state_dict(torch.load(path, weights_only=True))
    return classifier


def _batches(data: Examples, size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """All examples in batches of `size`: of each an area of 128 px, new in every epoch."""
    order = rng.permutation(len(data.pictures))
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        areas = np.stack([_area(data.pictures[index], rng) for index in chosen])
        yield to_input(areas), torch.from_numpy(data.materials[chosen]), torch.from_numpy(data.colours[chosen])


def _area(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    y, x = (int(rng.integers(length - SIZE + 1)) for length in picture.shape[:2])
    return picture[y : y + SIZE, x : x + SIZE][:, :: 1 if rng.random() < 0.5 else -1]


def _disturbed(pictures: Tensor) -> Tensor:
    if torch.rand(()) < 0.3:
        pictures = F.interpolate(F.avg_pool2d(pictures, 2), scale_factor=2.0, mode="bilinear")
    return pictures + 0.05 * torch.rand(()) * torch.randn_like(pictures)


@torch.inference_mode()
def judge(classifier: Classifier, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Material and colour indices of (n, h, w, 3) pictures, by the votes of windows of 128 px, half over each other."""
    whole = to_input(pictures)
    windows = [
        whole[:, :, y : y + SIZE, x : x + SIZE]
        for y in range(0, whole.shape[2] - SIZE + 1, SIZE // 2)
        for x in range(0, whole.shape[3] - SIZE + 1, SIZE // 2)
    ]
    votes = [classifier(window) for window in windows]
    material, colour = (sum(vote[i].softmax(1) for vote in votes) for i in range(2))
    return torch.as_tensor(material).argmax(1).numpy(), torch.as_tensor(colour).argmax(1).numpy()


def held_out(count: int, side: int) -> Examples:
    """Whole textures of `side` px that the judge never saw."""
    samples = [
        make_sample(HELD_OUT_SEED + 10_000_000 + index, side, side, kind=SampleKind.TEXTURE, held_out=index % 10 == 0)
        for index in range(count)
    ]
    materials = np.array([MATERIALS.index(sample.material) for sample in samples])
    colours = np.array([COLOURS.index(sample.colour) for sample in samples])
    return Examples(np.stack([sample.image for sample in samples]), materials, colours)


def accuracy(classifier: Classifier, data: Examples) -> tuple[float, float]:
    """Shares of right materials and right colours."""
    found = [judge(classifier, data.pictures[start : start + 50]) for start in range(0, len(data.pictures), 50)]
    material, colour = (np.concatenate([pair[i] for pair in found]) for i in range(2))
    return float((material == data.materials).mean()), float((colour == data.colours).mean())
