"""The stage of material maps: relief, albedo, roughness and metal from pictures of generated surfaces."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor, nn

from sd_core.devices import choose_placement
from sd_core.diffusion.seamless import seamless
from sd_core.models.maps_network import MapsNetwork, MapsWidths, SeenMaps
from sd_core.requests import Seamless
from sd_core.training.config import Size
from sd_core.training.loop import Loss
from sd_core.training.precision import autocast
from sd_core.training.relight import SurfaceBatch, blurred, normals_of, relight
from sd_core.training.sheets import to_pictures, write_sheet
from sd_core.training.surfaces import RELIEF_UNIT, Surfaces

AS_DRAWN = 0.45
"""Share of batches with the generator's own pictures, some of them through the autoencoder: the look of the built-in
model's textures. The others are under lights of every kind."""
MIXED = 0.15
"""Share of relit batches in which every relief wears the colours of another surface: shading alone tells the relief."""
AS_METAL = 0.12
"""Share of relit batches whose surfaces are all made of metal."""
LEAST_RELIEF = 0.15
"""px: standard deviation below which a surface counts as flat, and its height has no shape to be learnt."""


def build_maps(size: Size) -> MapsNetwork:
    """The network of the stage, untrained."""
    return MapsNetwork(MapsWidths(levels=(4, 8, 8, 8), dilations=(1,)) if size is Size.TINY else MapsWidths())


class MaterialMapsTask:
    """Normals by angle, height by shape and by depth, albedo by ratio and by value, roughness, metal."""

    def __init__(self, network: MapsNetwork, surfaces: list[Surfaces]) -> None:
        placement = choose_placement()
        self._device, self._dtype = placement.device, placement.dtype
        network.to(self._device)
        self.modules = nn.ModuleDict({"maps": network})
        self._network, self._surfaces = network, surfaces

    def loss(self, rng: np.random.Generator, batch: int, done: float) -> Loss:
        surface, pictures = draw_batch(self._surfaces, batch, rng, self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._dtype is not torch.float32):
            seen = self._network(pictures)
        return map_loss(seen, surface)

    def sheet(self, average: nn.ModuleDict, path: Path) -> None:
        rng = np.random.default_rng(1)
        surface, pictures = draw_batch(self._surfaces[:1], 8, rng, self._device, as_drawn=0.5)
        with torch.inference_mode():
            seen = average["maps"](pictures)
        rows = [pictures, seen.albedo, surface.albedo, _as_colours(seen.height), _as_colours(surface.height)]
        write_sheet([list(to_pictures(row.cpu() * 2 - 1)) for row in rows], path)


def draw_batch(
    surfaces: list[Surfaces],
    count: int,
    rng: np.random.Generator,
    device: torch.device,
    *,
    as_drawn: float = AS_DRAWN,
) -> tuple[SurfaceBatch, Tensor]:
    """Surfaces and pictures (b, 3, h, w) of them: small ones, large ones in smaller number, or large ones at half size."""
    way = rng.choice(3, p=(0.55, 0.2, 0.25)) if len(surfaces) > 1 else 0
    bucket = surfaces[0] if way == 0 else surfaces[-1]
    chosen = np.sort(
        rng.choice(len(bucket), size=max(1, count // 4) if way == 1 else min(count, len(bucket)), replace=False)
    )
    surface, drawn = _turned(*_open_surfaces(bucket, chosen), int(rng.integers(8)))
    surface, drawn = (_to(device, surface), drawn.to(device))
    if way == 2:
        surface, drawn = _halved(surface), F.avg_pool2d(drawn, 2)
    if rng.random() < as_drawn:
        return surface, drawn
    surface = _varied(surface, rng)
    return surface, relight(surface, rng)


def _open_surfaces(bucket: Surfaces, chosen: np.ndarray) -> tuple[SurfaceBatch, Tensor]:
    texels = torch.from_numpy(bucket.texels[chosen]).permute(0, 3, 1, 2).float() / 255
    height = torch.from_numpy(bucket.relief[chosen]).float()[:, None] * RELIEF_UNIT
    pictures = torch.from_numpy(bucket.pictures[chosen]).permute(0, 3, 1, 2).float() / 255
    gloss, metal = (torch.from_numpy(v[chosen])[:, None, None, None] for v in (bucket.gloss, bucket.metal))
    roughness = roughness_of(gloss, height)
    return SurfaceBatch(texels[:, :3], height, roughness, metal.expand_as(height), texels[:, 3:]), pictures


def roughness_of(gloss: Tensor, height: Tensor) -> Tensor:
    """Roughness (b, 1, h, w) of a surface of `gloss` (b, 1, 1, 1): hollows, where dirt lies, are duller.

    The scale: what the generator calls glazed (0.75) is at 0.32, polished (1.5) at 0.11, and cloth (0) at 0.92.
    """
    even = 0.92 * torch.exp(-1.4 * gloss)
    hollow = ((blurred(height, 4.0) - height) / 2.5).clamp(0, 1)
    return even + (0.92 - even) * 0.4 * hollow


def _turned(surface: SurfaceBatch, pictures: Tensor, way: int) -> tuple[SurfaceBatch, Tensor]:
    """One of the eight ways to turn and mirror a square."""

    def turn(plane: Tensor) -> Tensor:
        plane = plane.flip(3) if way & 1 else plane
        plane = plane.flip(2) if way & 2 else plane
        return plane.transpose(2, 3) if way & 4 else plane

    return _each(turn, surface), turn(pictures)


def _each(change: Callable[[Tensor], Tensor], surface: SurfaceBatch) -> SurfaceBatch:
    planes = (surface.albedo, surface.height, surface.roughness, surface.metal, surface.glow)
    return SurfaceBatch(*(change(plane) for plane in planes))


def _to(device: torch.device, surface: SurfaceBatch) -> SurfaceBatch:
    return _each(lambda plane: plane.to(device), surface)


def _halved(surface: SurfaceBatch) -> SurfaceBatch:
    """At half size; heights are in px."""
    small = _each(lambda plane: F.avg_pool2d(plane, 2), surface)
    return SurfaceBatch(small.albedo, small.height / 2, small.roughness, small.metal, small.glow)


def _varied(surface: SurfaceBatch, rng: np.random.Generator) -> SurfaceBatch:
    """Shallower or deeper, now and then in the colours of another surface, now and then of metal."""
    count = len(surface.height)
    factor = np.exp(rng.uniform(np.log(0.5), np.log(1.6), (count, 1, 1, 1))).astype(np.float32)
    height = surface.height * torch.from_numpy(factor).to(surface.height.device)
    albedo = surface.albedo.roll(1, 0) if rng.random() < MIXED else surface.albedo
    metal, roughness = surface.metal, surface.roughness
    if rng.random() < AS_METAL:
        metal = torch.ones_like(metal)
        roughness = (roughness * 0.6).clamp_min(0.05)
    return SurfaceBatch(albedo, height, roughness, metal, surface.glow)


def map_loss(seen: SeenMaps, true: SurfaceBatch) -> Loss:
    """The weighted sum of what is wrong, and the figures: the normals' error in degrees, the height's correlation."""
    made, right = normals_of(seen.height), normals_of(true.height)
    normals = ((made - right).square().sum(dim=1) + 1e-6).sqrt().mean()
    correlation, has_relief = _correlation(seen.height, true.height)
    shape = ((1 - correlation) * has_relief).mean()
    depth = (_centred(seen.height) - _centred(true.height)).abs().mean()
    ratio, value = albedo_errors(seen.albedo, true.albedo)
    roughness = (seen.roughness - true.roughness).abs().mean()
    metal = F.binary_cross_entropy_with_logits(seen.metallic, true.metal)
    total = normals + 0.3 * shape + 0.05 * depth + 2 * ratio + 0.7 * value + 0.5 * roughness + 0.1 * metal
    with torch.no_grad():
        angle = torch.rad2deg(torch.acos((made * right).sum(dim=1).clamp(-1, 1))).mean()
        flat = torch.rad2deg(torch.acos(right[:, 2].clamp(-1, 1))).mean()
        figures = {
            "loss": total.detach(), "angle": angle, "flat": flat, "shape": shape.detach(), "albedo": value.detach(),
            "roughness": roughness.detach(), "metal": metal.detach(),
        }  # fmt: skip
    return Loss(total, {name: float(figure) for name, figure in figures.items()})


def _centred(height: Tensor) -> Tensor:
    return height - height.mean(dim=(1, 2, 3), keepdim=True)


def _correlation(made: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """(b,) of heights, and 1 where the true one has a shape, 0 where it is flat."""
    a, b = _centred(made).flatten(1), _centred(true).flatten(1)
    spread = b.std(dim=1)
    value = (a * b).mean(dim=1) / (a.std(dim=1) * spread + 1e-2)
    return value, (spread > LEAST_RELIEF).float()


def albedo_errors(made: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Mean absolute error of sRGB albedo (b, 3, h, w), with each picture's exposure matched first, and without."""
    gain = (made * true).sum(dim=(1, 2, 3), keepdim=True) / made.square().sum(dim=(1, 2, 3), keepdim=True).clamp_min(
        1e-4
    )
    return (made * gain - true).abs().mean(), (made - true).abs().mean()


@torch.inference_mode()
def round_trip(autoencoder: AutoencoderKL, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the autoencoder makes of pictures (n, h, w, 3) that wrap around."""
    values = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    with seamless((autoencoder,), Seamless.XY), autocast():
        made = autoencoder.decode(autoencoder.encode(values).latent_dist.mean).sample
    return to_pictures(made)


def _as_colours(height: Tensor) -> Tensor:
    return (0.5 + _centred(height) / 16).expand(-1, 3, -1, -1)
