"""The network that sees relief, albedo, roughness and metal in a picture that wraps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 8
"""A picture rolled by a multiple of this many px gives maps that are rolled by as much; sides are multiples of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapsWidths:
    """Channels at 1, 2, 4 and 8 px to a cell, and the dilations of the residual blocks at 8 px."""

    levels: tuple[int, int, int, int] = (16, 28, 56, 80)
    dilations: tuple[int, ...] = (1, 2, 4, 1)

    @property
    def reach(self) -> int:
        """Px, at most, in any direction, over which the picture bears on a pixel's values."""
        cells = 1 + 2 + 2  # at 2 px: stem, encoder, decoder; at 4 px the latter two
        return 2 + 2 * cells + 4 * 4 + 8 * 2 * sum(self.dilations) + STRIDE


@dataclass(frozen=True, slots=True)
class SeenMaps:
    """What the network sees, each (b, c, h, w).

    height: px, nearer is larger, of any mean. albedo: sRGB. roughness: [0, 1]. metallic: logits.
    """

    height: Tensor
    albedo: Tensor
    roughness: Tensor
    metallic: Tensor


class MapsNetwork(nn.Module):
    """A U-Net whose convolutions all wrap around; few channels where there are many pixels.

    Ronneberger et al. 2015, arXiv:1505.04597, with residual blocks and, at the bottom, dilated ones (Yu and Koltun 2015,
    arXiv:1511.07122), so that a pixel sees 150 px around it. Nothing is normalised over the picture: large ones are
    computed in tiles and give the same values.
    """

    def __init__(self, widths: MapsWidths | None = None) -> None:
        super().__init__()
        widths = widths or MapsWidths()
        full, *inner = widths.levels
        self.widths = widths
        self.stem = _wrapping(12, inner[0], 3)
        self.encoders = nn.ModuleList(_Residual(width) for width in inner[:-1])
        self.downs = nn.ModuleList(_wrapping(4 * a, b, 1) for a, b in pairwise(inner))
        self.bottom = nn.Sequential(*(_Residual(inner[-1], d) for d in widths.dilations))
        self.ups = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in pairwise(inner))
        self.decoders = nn.ModuleList(_Residual(width) for width in inner[:-1])
        self.finest = nn.Conv2d(inner[0], 4 * full, 1)
        self.look = _wrapping(full + 3, full, 3)
        self.head = _wrapping(full, 6, 3)
        nn.init.normal_(self.head.weight, std=1e-3)

    def forward(self, picture: Tensor) -> SeenMaps:
        """The maps of (b, 3, h, w) sRGB in [0, 1], sides multiples of `STRIDE`."""
        centred = picture * 2 - 1
        x = self.stem(F.pixel_unshuffle(centred, 2))
        kept: list[Tensor] = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            x = encoder(x)
            kept.append(x)
            x = down(F.pixel_unshuffle(x, 2))
        x = self.bottom(x)
        for up, decoder in zip(reversed(self.ups), reversed(self.decoders), strict=True):
            x = decoder(F.pixel_shuffle(up(x), 2) + kept.pop())
        x = torch.cat([F.pixel_shuffle(self.finest(F.silu(x)), 2), centred], dim=1)
        x = F.silu(self.look(x))
        with torch.autocast(x.device.type, enabled=False):  # height in steps of bfloat16 would be terraced
            return _read_out(picture, self.head(x.float()))


class _Residual(nn.Module):
    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first, self.second = _wrapping(width, width, 3, dilation), _wrapping(width, width, 3, dilation)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


def _wrapping(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, padding_mode="circular")


def _read_out(picture: Tensor, x: Tensor) -> SeenMaps:
    """Units of the head that suit a network: tens of px of relief, changes of colour, roughness about its middle."""
    return SeenMaps(
        height=8 * x[:, :1],
        albedo=picture + x[:, 1:4],
        roughness=torch.sigmoid(4 * x[:, 4:5]),
        metallic=8 * x[:, 5:6] - 2,
    )
