"""Surfaces under light: the flat view of a texture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sd_core.training.data.colours import RGB, apply_tone
from sd_core.training.data.materials import TURNING, Material, drawing
from sd_core.training.data.modifiers import SIZES, Modifier, Surface, modify
from sd_core.training.data.noise import Plane, blur, slopes, smoothstep
from sd_core.training.data.surface import Layers, MaterialContext

SOFTNESS = 1.15  # px: Gaussian that takes the hard edge from every layer, for the sake of the autoencoder
SMALLEST_FEATURE = 20.0
"""px: the finest parts of a material are a quarter of its features, and the autoencoder loses what is finer than 5 px."""


def _assemble(layers: Layers, rgb: RGB) -> Surface:
    """Layers with the colour filled in and every edge softened."""
    colour = np.broadcast_to(rgb, (*layers.height.shape, 3))
    if layers.tint is not None:
        colour = layers.second + (rgb - layers.second) * layers.tint[..., None]
    glow = np.zeros_like(layers.height) if layers.glow is None else layers.glow
    return Surface(albedo=apply_tone(colour, layers.tone), height=layers.height, glow=glow, gloss=layers.gloss)


def _soften(surface: Surface) -> Surface:
    stack = np.dstack([surface.albedo, surface.height, surface.glow])
    soft = blur(stack, SOFTNESS)
    return replace(surface, albedo=np.clip(soft[..., :3], 0.01, 0.99), height=soft[..., 3], glow=soft[..., 4])


def _turn(surface: Surface) -> Surface:
    return replace(surface, albedo=surface.albedo.transpose(1, 0, 2), height=surface.height.T, glow=surface.glow.T)


def make_surface(
    rng: np.random.Generator,
    shape: tuple[int, int],
    material: Material,
    rgb: RGB,
    modifiers: tuple[Modifier, ...],
    size: float,
) -> Surface:
    """A periodic surface of a material.

    Args:
        rng: source of everything random.
        shape: (h, w) px.
        material: what it is made of.
        rgb: (3,) its colour.
        modifiers: applied in order; the sizes scale `size`.
        size: feature size in px before the modifiers; what is under `SMALLEST_FEATURE` after them is drawn at that.
    """
    for modifier in modifiers:
        size *= SIZES.get(modifier, 1.0)
    turn = material in TURNING and rng.random() < 0.5
    canvas = MaterialContext(
        shape=(shape[1], shape[0]) if turn else shape, size=max(size, SMALLEST_FEATURE), rgb=rgb, rng=rng
    )
    surface = _assemble(drawing(material)(canvas), rgb)
    for modifier in modifiers:
        surface = modify(surface, modifier, canvas)
    surface = _soften(surface)
    return _turn(surface) if turn else surface


def reflected_sky(x: Plane, y: Plane) -> Plane:
    """Brightness of a studio reflected by a normal (x, y): a soft window above and a faint one below."""
    window = smoothstep(0.05, 0.28, -y + 0.35 * x) * (1 - smoothstep(0.38, 0.62, -y + 0.35 * x))
    return 0.75 * window + 0.2 * smoothstep(0.15, 0.5, y)


def lit_flat(surface: Surface, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture (h, w, 3) uint8 of the surface from straight above, with light from one side."""
    dx, dy = slopes(surface.height)
    scale = 1 / np.sqrt(1 + dx**2 + dy**2)
    nx, ny = -dx * scale, -dy * scale
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(42, 58))
    lx, ly = np.float32(np.cos(azimuth) * np.cos(elevation)), np.float32(np.sin(azimuth) * np.cos(elevation))
    lz = np.float32(np.sin(elevation))
    diffuse = np.clip((nx * lx + ny * ly + scale * lz) / lz, 0, 2.2)
    hollow = blur(surface.height, 4.0) - surface.height
    occlusion = 1 - 0.32 * smoothstep(0, 3.0, hollow)
    light = (0.36 + 0.64 * diffuse) * occlusion
    light += (1 - light) * 0.75 * surface.glow
    picture = apply_tone(surface.albedo, light.astype(np.float32))
    if surface.gloss > 0:
        hz = np.sqrt((1 + lz) / 2)
        half = (nx * lx + ny * ly + scale * (lz + 1)) / (2 * hz)
        shine = surface.gloss * (0.5 * np.clip(half, 0, 1) ** 60 * smoothstep(0.02, 0.25, np.hypot(nx, ny)))
        shine += surface.gloss * 0.45 * reflected_sky(nx, ny)
        picture += blur(np.clip(shine, 0, 0.75), 1.2)[..., None] * (0.97 - picture)
    return to_bytes(blur(picture, 0.6))


def to_bytes(picture: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """[0, 1] floats to uint8."""
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
