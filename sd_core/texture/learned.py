"""The estimator in the package: a small network that has seen generated surfaces under many lights."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from sd_core.models.maps_network import STRIDE, MapsNetwork, SeenMaps
from sd_core.values.srgb import decode_srgb

from .estimate import Estimate, Estimator
from .periodic import blur

WEIGHTS = Path(__file__).parent.parent / "models" / "builtin" / "maps" / "model.safetensors"

TILE = 1024
"""px: larger pictures are computed in tiles of this side, each with what bears on it around it; about 0.7 GB of memory."""

_WAYS: tuple[tuple[tuple[int, ...], bool], ...] = (((), False), ((2, 3), False), ((2,), True), ((3,), True))
"""Axes along which a picture is flipped, and whether it is transposed, before it is seen."""

_ROUGHNESS_BLUR = 1.5
"""px: what the network's roughness has that is finer is the grid of its cells."""

_METAL_BETWEEN = (0.35, 0.65)
"""Probabilities up to which a place is no metal, and from which it is: materials are one or the other, greys look wrong."""


def builtin_estimator(device: str | torch.device = "cpu", weights: Path = WEIGHTS) -> Estimator:
    """The estimator in the package, or one that `sd-core train builtin maps` made, in float32 on `device`.

    Pictures rolled by multiples of 8 px give maps rolled as much; sides that are no multiples of 8 px get a faint seam.
    """
    network = _load(str(weights), str(device))
    return lambda picture: _estimate(network, picture, torch.device(device))


@lru_cache(maxsize=2)
def _load(weights: str, device: str) -> MapsNetwork:
    network = MapsNetwork()
    network.load_state_dict({name: value.float() for name, value in load_file(weights).items()})
    return network.eval().requires_grad_(False).to(device)


def _estimate(network: MapsNetwork, picture: NDArray[np.float32], device: torch.device) -> Estimate:
    pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
    with torch.inference_mode():
        seen = _see_turned(network, pixels.to(device)).cpu().numpy()[0]
    height, albedo, roughness, metal = seen[0], seen[1:4], seen[4], seen[5]
    low, high = _METAL_BETWEEN
    return Estimate(
        relief=height,
        base_color=decode_srgb(np.clip(albedo, 0, 1).transpose(1, 2, 0)),
        roughness=np.clip(blur(roughness, _ROUGHNESS_BLUR), 0.04, 1),
        metallic=np.clip((metal - low) / (high - low), 0, 1),
    )


def _see_turned(network: MapsNetwork, pixels: Tensor) -> Tensor:
    """All planes (1, 6, h, w), the mean over the picture as it is and turned and mirrored, in which light comes from elsewhere."""
    total = torch.zeros(())
    for flipped, turned in _WAYS:
        way = pixels.flip(flipped) if flipped else pixels
        planes = torch.cat(see(network, way.transpose(2, 3) if turned else way), dim=1)
        planes = planes.transpose(2, 3) if turned else planes
        total = total + (planes.flip(flipped) if flipped else planes)
    return total / len(_WAYS)


def see(network: MapsNetwork, pixels: Tensor, tile: int = TILE) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Height, albedo, roughness and probability of metal of pixels (1, 3, h, w) of any size, which wrap around."""
    height, width = pixels.shape[2:]
    if max(height, width) <= tile * 3 // 2 and height % STRIDE == 0 and width % STRIDE == 0:
        return _planes(network(pixels))
    margin = -(-network.widths.reach // STRIDE) * STRIDE
    rows = [
        torch.cat([_tile(network, pixels, (y, x), tile, margin) for x in range(0, width, tile)], dim=3)
        for y in range(0, height, tile)
    ]
    found = torch.cat(rows, dim=2)
    return found[:, :1], found[:, 1:4], found[:, 4:5], found[:, 5:]


def _planes(seen: SeenMaps) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return seen.height, seen.albedo, seen.roughness, torch.sigmoid(seen.metallic)


def _tile(network: MapsNetwork, pixels: Tensor, corner: tuple[int, int], tile: int, margin: int) -> Tensor:
    """All planes of one tile, computed with a margin that wraps around, which is cut off again."""
    ends = [min(at + tile, side) for at, side in zip(corner, pixels.shape[2:], strict=True)]
    spans = [_span(at, end, margin, side) for at, end, side in zip(corner, ends, pixels.shape[2:], strict=True)]
    window = pixels.index_select(2, spans[0].to(pixels.device)).index_select(3, spans[1].to(pixels.device))
    planes = torch.cat(_planes(network(window)), dim=1)
    return planes[..., margin : margin + ends[0] - corner[0], margin : margin + ends[1] - corner[1]]


def _span(start: int, end: int, margin: int, side: int) -> Tensor:
    """Rows or columns of a tile and its margin, of a length that the network takes."""
    length = -(-(end - start) // STRIDE) * STRIDE
    return torch.arange(start - margin, start + length + margin) % side
