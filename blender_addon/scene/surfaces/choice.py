# SPDX-License-Identifier: GPL-3.0-or-later
"""How an object of a shot is painted, and how large its texture is; plain numbers, no bpy."""

from __future__ import annotations

from dataclasses import dataclass

from .found import TILE, VIEWS

SMALLEST = 256
"""Side of the smallest texture, px."""

_REACH = 4.0
"""Size of an object over its smallest distance, from which on a camera never sees it whole: a lens of 20 mm sees 1.8."""

_LARGE = 1.5
_NEAR = 1.5
"""An object that needs so many times the limit, and whose size is so many times its distance, is a place, not a thing."""

_TINY, _SPECK = 128, 0.002
"""Side of the texture in px and share of the pictures below which an object is not worth views of its own: of 300 pebbles each
would cost as much as a statue."""


@dataclass(frozen=True, slots=True)
class Measured:
    """needed: side of the texture, px. reach: its size over its smallest distance. inside: the camera is within its bounds.

    share: of the pictures.
    """

    needed: int
    reach: float
    inside: bool
    share: float


def choose_surface(measured: Measured, limit: int) -> tuple[str, str]:
    """Either "views" or "tile", and why in words."""
    if measured.inside:
        return TILE, "the camera is within it"
    if measured.needed < _TINY and measured.share < _SPECK:
        return TILE, "it is small in the pictures"
    if measured.reach > _REACH:
        return TILE, "it reaches beyond what the camera sees"
    if measured.needed > _LARGE * limit and measured.reach > _NEAR:
        return TILE, f"it would need a texture of {measured.needed} px"
    if measured.needed > limit * 1.42:
        return VIEWS, f"at its largest it would need {measured.needed} px: softer there"
    return VIEWS, ""


def texture_side(needed: int, limit: int) -> int:
    """The nearest power of two, within the limits."""
    side = SMALLEST
    while side < limit and side * 1.42 < needed:
        side *= 2
    return min(side, limit)


def chosen_frames(frames: tuple[int, ...], cuts: tuple[int, ...], most: int = 60) -> tuple[int, ...]:
    """Frames that are looked at: all, or evenly chosen ones with those at cuts of the camera."""
    if len(frames) <= most:
        return frames
    even = {frames[round(index * (len(frames) - 1) / (most - 1))] for index in range(most)}
    near = {frame for cut in cuts for frame in frames if cut - 1 <= frame <= cut}
    return tuple(sorted(even | near))
