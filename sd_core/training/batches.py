"""Batches of latents, captions and depth: one shape per step, textures cropped at random, scenes whole."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sd_core.training.architecture import DOWNSCALE
from sd_core.training.images import AREA
from sd_core.training.latents import Latents


@dataclass(frozen=True, slots=True)
class Batch:
    """Latents (b, c, lh, lw) drawn from their posteriors, captions, and control pictures (b, 3, h, w) in [0, 1].

    The last `scenes` are scenes; before them are textures, which have no depth.
    """

    latents: Tensor
    captions: list[str]
    controls: Tensor
    scenes: int


@dataclass(frozen=True, slots=True)
class BatchSource:
    """Where batches come from: textures larger than any batch, and scenes in buckets of every shape."""

    textures: Sequence[Latents]
    scenes: Sequence[Latents]
    large: float = 0.02
    """Share of steps on whole textures of the largest size."""

    def draw(self, rng: np.random.Generator, batch: int, *, texture_share: float) -> Batch:
        """A batch worth `batch` images of 128 px, of one shape, `texture_share` of it textures."""
        if texture_share > 0 and rng.random() < self.large:
            largest = self.textures[-1]
            shape = largest.values.shape[-2:]
            return _join([_crop(largest, shape, rng) for _ in range(_count(batch, shape))], scenes=0)
        weights = np.array([entry.values[:, 0, 0].size for entry in self.scenes], np.float64)
        scenes = self.scenes[rng.choice(len(self.scenes), p=weights / weights.sum())]
        shape = scenes.values.shape[-2:]
        count = _count(batch, shape)
        textures = round(count * texture_share)
        samples = [
            _crop(self.textures[rng.choice(len(self.textures), p=_areas(self.textures))], shape, rng)
            for _ in range(textures)
        ]
        return _join(samples + [_crop(scenes, shape, rng) for _ in range(count - textures)], scenes=count - textures)


@dataclass(frozen=True, slots=True)
class _Item:
    latents: NDArray[np.float32]
    caption: str
    control: NDArray[np.float32]


def _areas(sources: Sequence[Latents]) -> NDArray[np.float64]:
    areas = np.array([source.values[:, 0, 0].size for source in sources], np.float64)
    return areas / areas.sum()


def _count(batch: int, shape: tuple[int, ...]) -> int:
    return max(1, round(batch * AREA / (shape[0] * shape[1] * DOWNSCALE**2)))


def _crop(source: Latents, shape: tuple[int, ...], rng: np.random.Generator) -> _Item:
    index = int(rng.integers(len(source)))
    y, x = (
        int(rng.integers(available - asked + 1))
        for available, asked in zip(source.values.shape[-2:], shape, strict=True)
    )
    mean, deviation = np.asarray(source.values[index, :, :, y : y + shape[0], x : x + shape[1]], np.float32)
    rows, columns = (slice(DOWNSCALE * low, DOWNSCALE * (low + size)) for low, size in zip((y, x), shape, strict=True))
    stored = source.control(index)[rows, columns]
    captions = source.captions(index)
    latents = mean + deviation * rng.standard_normal(mean.shape, np.float32)
    return _Item(latents, captions[rng.integers(len(captions))], control_picture(stored, rng))


def control_picture(stored: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """The control picture of a stored one, half the time with a depth range wider than the picture's own.

    An animation or a user may give a range that no single frame fills: inverse depth is then an affine function of the
    picture's own, on the foreground alone.
    """
    control = (stored.astype(np.float32) - 1) / 254
    low, high = (rng.uniform(0, 0.3), rng.uniform(0.6, 1)) if rng.random() < 0.5 else (0.0, 1.0)
    return np.where(stored > 0, low + (high - low) * control, 0).astype(np.float32)


def _join(items: list[_Item], *, scenes: int) -> Batch:
    latents = torch.from_numpy(np.stack([item.latents for item in items]))
    controls = torch.from_numpy(np.stack([item.control for item in items]))[:, None].expand(-1, 3, -1, -1)
    return Batch(latents, [item.caption for item in items], controls, scenes)
