"""Modifiers: visible changes to any material."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sd_core.training.data.colours import apply_tone
from sd_core.training.data.noise import Plane, blur, smoothstep
from sd_core.training.data.surface import MaterialContext


class Modifier(StrEnum):
    """Names of the modifiers."""

    OLD = "old"
    WET = "wet"
    MOSSY = "mossy"
    CRACKED = "cracked"
    SHINY = "shiny"
    ROUGH = "rough"
    LARGE = "large"
    SMALL = "small"


MODIFIERS: tuple[Modifier, ...] = tuple(Modifier)
SIZES: dict[Modifier, float] = {Modifier.LARGE: 1.45, Modifier.SMALL: 0.6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A finished flat surface, ready for light; periodic."""

    albedo: NDArray[np.floating[Any]]
    """(h, w, 3) sRGB in [0, 1]."""
    height: Plane
    """(h, w) height in px."""
    glow: Plane
    """(h, w) share of the albedo that needs no light."""
    gloss: float
    """Strength of highlights, 0 to 1."""


def _mix(albedo: NDArray[np.floating[Any]], rgb: NDArray[np.floating[Any]], share: Plane) -> NDArray[np.floating[Any]]:
    return albedo + (rgb - albedo) * share[..., None]


def _hollows(surface: Surface, reach: float) -> Plane:
    """1 in the low places of the height map, 0 on the high ones."""
    local_height = surface.height - blur(surface.height, reach)
    return smoothstep(-0.6, 1.4, -local_height / max(float(local_height.std()), 0.25))


def age(surface: Surface, context: MaterialContext) -> Surface:
    """Faded in patches, with grime in the hollows and worn edges."""
    worn = smoothstep(-0.1, 1.1, context.noise(context.size * 1.8, 1.2))
    pale = surface.albedo.mean(-1, keepdims=True) * 0.5 + 0.26
    albedo = surface.albedo + (pale - surface.albedo) * (0.42 * worn)[..., None]
    grime = 0.40 * _hollows(surface, context.size * 0.25) + 0.26 * smoothstep(
        0.1, 1.3, context.noise(context.size * 1.2, 1.0)
    )
    height = (
        surface.height
        + 0.5 * context.noise(context.size * 0.7, 0.8)
        - 1.6 * smoothstep(1.0, 1.5, context.noise(24, 0.5))
    )
    return replace(surface, albedo=apply_tone(albedo, 1 - grime), height=height, gloss=surface.gloss * 0.2)


def moisten(surface: Surface, context: MaterialContext) -> Surface:
    """Darker, with glistening beads and runs of water."""
    film = context.noise(context.size * 0.8, 0.8)
    beads = smoothstep(0.75, 1.7, context.noise(22, 0.35))
    return replace(
        surface,
        albedo=surface.albedo * np.float32(0.82),
        height=surface.height * 0.85 + 0.5 * film + 3.0 * beads,
        gloss=1.25,
    )


def grow_moss(surface: Surface, context: MaterialContext) -> Surface:
    """Cushions of moss which grow from the hollows."""
    field = context.noise(context.size * 1.7, 1.1) + 1.1 * (_hollows(surface, context.size * 0.25) - 0.5)
    share = smoothstep(0.52, 0.8, field)
    fluff = context.noise(18, 0.5)
    moss = apply_tone(np.asarray((0.30, 0.42, 0.10), np.float32), 1 + 0.24 * fluff)
    height = surface.height * (1 - 0.6 * share) + share * (1.8 + 1.3 * fluff)
    return replace(surface, albedo=_mix(surface.albedo, moss, share), height=height, glow=surface.glow * (1 - share))


def add_cracks(surface: Surface, context: MaterialContext) -> Surface:
    """Deep, branching, dark cracks."""
    reach = max(context.size * 2.0, 42.0)
    cells = context.cells(reach, 0.46, reach * 0.07)
    width = 0.9 + 1.2 * smoothstep(-1, 1.5, context.noise(reach, 0.6))
    line = 1 - smoothstep(0, 1.4, cells.edge - width)
    dark = np.where(surface.albedo.mean() > 0.22, 0.05, 0.42)
    albedo = _mix(surface.albedo, np.full(3, dark, np.float32), line * 0.92)
    return replace(surface, albedo=albedo, height=surface.height - 3.2 * line, glow=surface.glow * (1 - line))


def polish(surface: Surface, context: MaterialContext) -> Surface:
    """Polished: broad bright streaks."""
    return replace(surface, height=surface.height * 0.9 + 0.9 * context.noise(context.size * 1.3, 0.5, 1.5), gloss=1.5)


def roughen(surface: Surface, context: MaterialContext) -> Surface:
    """Coarse lumps all over, without shine."""
    lumps = context.noise(20, 0.45)
    albedo = apply_tone(surface.albedo, 1 + 0.07 * lumps)
    return replace(surface, albedo=albedo, height=surface.height + 1.9 * lumps, gloss=0.0)


_CHANGES: dict[Modifier, Callable[[Surface, MaterialContext], Surface]] = {
    Modifier.OLD: age,
    Modifier.WET: moisten,
    Modifier.MOSSY: grow_moss,
    Modifier.CRACKED: add_cracks,
    Modifier.SHINY: polish,
    Modifier.ROUGH: roughen,
}


def modify(surface: Surface, modifier: Modifier, context: MaterialContext) -> Surface:
    """`surface` as the modifier changes it; the sizes change the canvas instead and are no-ops here."""
    change = _CHANGES.get(modifier)
    return surface if change is None else change(surface, context)
