"""Surfaces under lights of every kind, as batches of tensors: what a camera straight above them sees."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

GAMMA = 2.2
"""Of the display curve that albedo and pictures are coded with; the exact sRGB curve is nowhere far from it."""


@dataclass(frozen=True, slots=True)
class SurfaceBatch:
    """Surfaces that wrap around. albedo: (b, 3, h, w) sRGB. height: px, nearer is larger. roughness, metal, glow: [0, 1].

    All but `albedo` are (b, 1, h, w).
    """

    albedo: Tensor
    height: Tensor
    roughness: Tensor
    metal: Tensor
    glow: Tensor


def normals_of(height: Tensor) -> Tensor:
    """Unit normals (b, 3, h, w), x right, y **down**, z up, of a height (b, 1, h, w) in px that wraps."""
    right = (height.roll(-1, 3) - height.roll(1, 3)) / 2
    down = (height.roll(-1, 2) - height.roll(1, 2)) / 2
    return F.normalize(torch.cat([-right, -down, torch.ones_like(right)], dim=1), dim=1)


def blurred(planes: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of `sigma` px that wraps around."""
    reach = max(1, round(3 * sigma))
    x = torch.arange(-reach, reach + 1, dtype=planes.dtype, device=planes.device)
    kernel = torch.exp(-(x**2) / (2 * max(sigma, 1e-3) ** 2))
    kernel = (kernel / kernel.sum()).expand(planes.shape[1], 1, 1, -1)
    planes = F.conv2d(F.pad(planes, (reach, reach, 0, 0), mode="circular"), kernel, groups=planes.shape[1])
    planes = F.pad(planes, (0, 0, reach, reach), mode="circular")
    return F.conv2d(planes, kernel.transpose(2, 3), groups=planes.shape[1])


def relight(surface: SurfaceBatch, rng: np.random.Generator) -> Tensor:
    """Pictures (b, 3, h, w) sRGB in [0, 1] of the surfaces, each under lights of its own.

    Sun from any side, 20 to 85 degrees high, with shadows; a sky, brighter on one side; a window that shines in what is
    glossy; colours of both, exposure, blur and grain.
    """
    draw = _Draw(rng, len(surface.albedo), surface.albedo.device)
    colour = surface.albedo.clamp_min(0) ** GAMMA
    normal = normals_of(surface.height)
    sun, lit, sky = _sun(surface.height, normal, draw), _open(surface.height, draw), _sky(normal, draw)
    strength, ambient = draw(0.25, 1.6), draw(0.15, 0.8)
    light = strength * sun * draw.colour(0.12) + ambient * lit * sky * draw.colour(0.12)
    light = light / (strength + ambient)
    gloss = _window(normal, surface.roughness, draw) * lit * (0.4 + 0.6 * sun.clamp(0, 1))
    dull = colour * (1 - 0.8 * surface.metal)
    shine = gloss * (draw(0.1, 0.5) * (1 - surface.metal) + colour * surface.metal * draw(0.8, 1.8))
    seen = dull * (light + (1 - light).clamp_min(0) * surface.glow) + shine * (1 - surface.roughness).clamp_min(0.1)
    seen = (seen * draw(0.6, 1.15) * draw.colour(0.06)).clamp(1e-6, 1) ** (1 / GAMMA)
    return _camera(seen, rng, draw)


class _Draw:
    """Random numbers for each picture of a batch, (b, 1, 1, 1)."""

    def __init__(self, rng: np.random.Generator, count: int, device: torch.device) -> None:
        self._rng, self._count, self._device = rng, count, device

    def __call__(self, low: float, high: float) -> Tensor:
        return self.tensor(self._rng.uniform(low, high, (self._count, 1, 1, 1)))

    def colour(self, spread: float) -> Tensor:
        """(b, 3, 1, 1) about 1: warmer or colder."""
        warmth = self._rng.normal(0, spread, (self._count, 1, 1, 1))
        return self.tensor(1 + warmth * np.asarray((1, 0, -1)).reshape(1, 3, 1, 1))

    def tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=self._device)


def _sun(height: Tensor, normal: Tensor, draw: _Draw) -> Tensor:
    """Sunlight on each point, 1 on level ground; half of the suns cast shadows."""
    azimuth, elevation = draw(0, 2 * np.pi), torch.deg2rad(draw(20, 85))
    x, y = torch.cos(azimuth) * torch.cos(elevation), torch.sin(azimuth) * torch.cos(elevation)
    facing = (normal[:, :1] * x + normal[:, 1:2] * y + normal[:, 2:] * torch.sin(elevation)).clamp_min(0)
    casts = draw(0, 1) < 0.5
    shadow = torch.ones_like(facing)
    steep = torch.tan(elevation)
    for reach in (1.5, 3.0, 5.0, 8.0, 12.0):
        there = torch.stack(
            [
                plane.roll((-round(reach * float(dy)), -round(reach * float(dx))), (1, 2))
                for plane, dx, dy in zip(
                    height, torch.cos(azimuth).flatten(), torch.sin(azimuth).flatten(), strict=True
                )
            ]
        )
        shadow = torch.minimum(shadow, (1.2 - (there - height - reach * steep)).clamp(0, 1))
    return torch.where(casts, facing * (0.15 + 0.85 * shadow), facing) / torch.sin(elevation)


def _open(height: Tensor, draw: _Draw) -> Tensor:
    """How open each point is to the sky: hollows at three scales are darker."""
    hidden = sum(
        (((blurred(height, sigma) - height) / (1.5 * sigma)).clamp(0, 1) for sigma in (1.5, 4.0, 9.0)),
        start=torch.zeros_like(height),
    )
    return 1 - draw(0.05, 0.7) * (hidden / 1.5).clamp(0, 1)


def _sky(normal: Tensor, draw: _Draw) -> Tensor:
    """Light of a sky that is brighter on one side."""
    azimuth, tilt = draw(0, 2 * np.pi), draw(0, 0.6)
    return (1 + tilt * (normal[:, :1] * torch.cos(azimuth) + normal[:, 1:2] * torch.sin(azimuth))).clamp_min(0)


def _window(normal: Tensor, roughness: Tensor, draw: _Draw) -> Tensor:
    """What a glossy surface mirrors: two soft windows somewhere above, wider the rougher it is."""
    total = torch.zeros_like(roughness)
    for strength in (draw(0.4, 1.2), draw(0, 0.5)):
        azimuth, away = draw(0, 2 * np.pi), draw(0.05, 0.5)
        x, y = normal[:, :1] - away * torch.cos(azimuth), normal[:, 1:2] - away * torch.sin(azimuth)
        width = 0.06 + 0.3 * roughness
        total = total + strength * torch.exp(-(x**2 + y**2) / (2 * width**2))
    return total


def _camera(picture: Tensor, rng: np.random.Generator, draw: _Draw) -> Tensor:
    """Contrast, saturation, a little blur and grain, as pictures from elsewhere have them."""
    grey = picture.mean(dim=1, keepdim=True)
    picture = grey + (picture - grey) * draw(0.8, 1.2)
    picture = picture.mean(dim=(1, 2, 3), keepdim=True) * (1 - (c := draw(0.85, 1.2))) + picture * c
    if rng.random() < 0.6:
        picture = blurred(picture, float(rng.uniform(0.3, 1.1)))
    grain = draw(-0.02, 0.03).clamp_min(0)
    noise = draw.tensor(rng.standard_normal(picture.shape, dtype=np.float32))
    return (picture + grain * noise).clamp(0, 1)
