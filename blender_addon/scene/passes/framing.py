# SPDX-License-Identifier: GPL-3.0-or-later
"""How the picture, the padding to whole latents and the extra border lie in a data render; plain numbers, no bpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CELL = 8
"""Px of a latent: the sides of what a model makes are multiples of this."""


@dataclass(frozen=True, slots=True)
class Framing:
    """A render of `width` x `height` px, padded around its middle to multiples of 8, and by `overscan` px more.

    All three are px of the render; every pixel of the picture is a pixel of the data.
    """

    width: int
    height: int
    overscan: int = 0

    @property
    def padded_size(self) -> tuple[int, int]:
        """(height, width) that the model makes."""
        return _round_up(self.height), _round_up(self.width)

    @property
    def data_size(self) -> tuple[int, int]:
        """(height, width) of the data passes."""
        height, width = self.padded_size
        return height + 2 * self.overscan, width + 2 * self.overscan

    @property
    def picture_offset(self) -> tuple[int, int]:
        """(top, left) of the picture within the data passes."""
        top, left = self._padding_offset
        return top + self.overscan, left + self.overscan

    def trim(self, picture: np.ndarray) -> np.ndarray:
        """The (height, width) of the render out of what the model made."""
        top, left = self._padding_offset
        return np.ascontiguousarray(picture[top : top + self.height, left : left + self.width])

    def pad(self, picture: np.ndarray) -> np.ndarray:
        """The inverse: the picture continued by its border to the size of the model."""
        top, left = self._padding_offset
        height, width = self.padded_size
        rest = ((top, height - self.height - top), (left, width - self.width - left), (0, 0))
        return np.pad(picture, rest, mode="edge")

    @property
    def _padding_offset(self) -> tuple[int, int]:
        height, width = self.padded_size
        return (height - self.height) // 2, (width - self.width) // 2


@dataclass(frozen=True, slots=True)
class LensChange:
    """What becomes of a camera that keeps every pixel of its picture in a larger frame.

    horizontal: whether the width fits the sensor. scale: of the focal length and both shifts. shift: added to them, in
    shares of the fitted side.
    """

    horizontal: bool
    scale: float
    shift: tuple[float, float]


def widen_lens(framing: Framing, *, horizontal: bool, aspect: float = 1.0) -> LensChange:
    """The lens for the data passes of `framing`.

    Args:
        aspect: Blender's `pixel_aspect_y / pixel_aspect_x`.
    """
    rows, columns = framing.data_size
    top, left = framing.picture_offset
    before, after = (side if horizontal else high * aspect for side, high in ((framing.width, framing.height),
                                                                             (columns, rows)))  # fmt: skip
    across = (columns - framing.width) / 2 - left
    down = top - (rows - framing.height) / 2
    return LensChange(horizontal, before / after, (across / after, down * aspect / after))


def _round_up(side: int) -> int:
    return -(-side // _CELL) * _CELL
