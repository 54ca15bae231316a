"""Grown and geological materials."""

from __future__ import annotations

import numpy as np

from sd_core.training.data.cells import lattice, lattice_counts, pixel_grid
from sd_core.training.data.colours import luma
from sd_core.training.data.noise import smoothstep
from sd_core.training.data.surface import Layers, MaterialContext, flat, grey


def marble(context: MaterialContext) -> Layers:
    """Polished stone with cloudy depth and branching veins."""
    size = context.size
    cloud = context.noise(size * 2.2, 1.0)
    warp = context.noise(size * 1.6, 1.1, 1.6) + 0.35 * context.noise(size * 0.5, 0.6)
    wide = 1 - smoothstep(0.02, 0.34, np.abs(warp))
    thin = 1 - smoothstep(0.0, 0.16, np.abs(context.noise(size * 1.2, 1.0, 1.6)))
    vein = np.clip(0.9 * wide + 0.5 * thin * smoothstep(-0.3, 0.8, cloud), 0, 0.9)
    second = grey(0.93, 0.005) if luma(context.rgb) < 0.6 else grey(0.34, 0.01)
    return Layers(height=flat(context), tone=1 + 0.09 * cloud, tint=1 - vein, second=second, gloss=0.35)


def sand(context: MaterialContext) -> Layers:
    """Wind ripples."""
    h, w = context.shape
    count = max(2, round(h / (context.size * 0.62)))
    y = np.arange(h, dtype=np.float32)[:, None] * np.float32(2 * np.pi * count / h)
    phase = y + 1.35 * context.noise(context.size * 2.6, 0.5, 0.8) + np.zeros((h, w), np.float32)
    ripple = np.sin(phase) + 0.3 * np.sin(2 * phase + 1.1)
    strength = 0.8 + 0.18 * context.noise(context.size * 2, 0.6)
    grain = context.noise(18, 0.4)
    height = ripple * strength * np.float32(0.095 * h / count) + 0.12 * grain
    return Layers(height=height, tone=1 + 0.07 * ripple * strength + 0.03 * grain, gloss=0.0)


def grass(context: MaterialContext) -> Layers:
    """Tapering blades, layer over layer, the upper ones lighter."""
    size = context.size
    tuft = context.noise(size * 1.2, 0.7)
    tone, height = 0.5 + 0.05 * tuft, np.zeros(context.shape, np.float32)
    for layer in range(4):
        rows, columns = lattice_counts(context.shape, size * 1.1, size * 0.45)
        aside = context.bend(size * 1.5, 1.2) + np.float32(context.random(0, 200))
        column = np.floor((pixel_grid(*context.shape)[1] + aside) * np.float32(columns / context.shape[1])).astype(
            np.intp
        )
        down = context.values(columns, 0, context.shape[0])[column % columns]
        cells = lattice(context.shape, rows, columns, dx=aside, dy=down)
        tall, wide = context.shape[0] / rows, context.shape[1] / columns
        up = 0.5 - cells.y / np.float32(tall)
        lean = cells.per_cell(context.values(cells.count)) * np.float32(0.42 * wide)
        across = np.abs(cells.x - lean * (up * up - 0.3))
        inside = (
            np.float32(0.36 * wide) * np.sqrt(np.clip(1.02 - up, 0, 1)) * (0.55 + 0.45 * np.clip(up * 5, 0, 1)) - across
        )
        cover = smoothstep(-0.9, 0.9, inside)
        shade = 0.58 + 0.08 * layer + 0.34 * up + 0.12 * cells.per_cell(context.values(cells.count)) + 0.05 * tuft
        tone = tone + cover * (shade - tone)
        height = height + cover * (0.5 * layer + 0.5 * np.clip(inside, 0, 4) + 0.5 - height)
    return Layers(height=height.astype(np.float32), tone=tone.astype(np.float32), gloss=0.0)


def rust(context: MaterialContext) -> Layers:
    """Painted iron whose coat flakes off in ragged rusty patches."""
    field = context.noise(context.size * 1.5, 1.2) + 0.35 * context.noise(20, 0.5)
    paint = smoothstep(-0.12, 0.06, field + 0.45)
    rim = np.exp(-((field + 0.42) ** 2) * 26)
    corrosion = context.noise(18, 0.7)
    tone = 1 + 0.03 * corrosion * paint + (1 - paint) * (0.26 * corrosion - 0.02) - 0.26 * rim * paint
    height = 2.2 * paint + 0.8 * (1 - paint) * corrosion + 0.7 * rim
    brownish = luma(context.rgb) < 0.4 and context.rgb[0] > context.rgb[2] * 1.6
    second = np.asarray((0.62, 0.33, 0.12) if brownish else (0.44, 0.22, 0.1), np.float32)
    return Layers(height=height, tone=tone, tint=paint, second=second, gloss=0.25)


def lava(context: MaterialContext) -> Layers:
    """Dark crust plates adrift on a glow."""
    size = context.size
    cells = context.cells(size * 1.25, 0.4, size * 0.12)
    ragged = cells.edge + 1.3 * context.noise(size * 0.5, 0.8)
    crust = smoothstep(0.17 * size, 0.17 * size + 3.5, ragged)
    heat = 1 - np.clip(np.abs(cells.edge) / (0.19 * size), 0, 1)
    knobs = context.noise(20, 0.7)
    tone = np.where(crust > 0.5, 1 + 0.22 * knobs, 1.0).astype(np.float32)
    tone = 1 + crust * 0.25 * knobs + (1 - crust) * (0.42 * heat - 0.06)
    second = grey(0.13, 0.01) + 0.06 * context.rgb if luma(context.rgb) > 0.2 else grey(0.3, 0.01)
    return Layers(
        height=crust * (3.0 + 0.9 * knobs), tone=tone, tint=1 - crust, second=second, gloss=0.05, glow=1 - crust
    )


def gravel(context: MaterialContext) -> Layers:
    """Small angular stones of many shades, heaped."""
    cells = context.cells(context.size * 0.55, 0.48)
    tilt = [cells.per_cell(context.values(cells.count)) for _ in range(2)]
    lift = cells.per_cell(context.values(cells.count, 0, 1))
    body = smoothstep(-0.6, 2.2, cells.edge)
    tone = (1 + 0.34 * cells.per_cell(context.values(cells.count))) * (0.45 + 0.55 * body)
    height = 2.6 * smoothstep(0, 4.0, cells.edge) + 1.4 * lift + 0.30 * (tilt[0] * cells.x + tilt[1] * cells.y)
    return Layers(height=height, tone=tone, gloss=0.05)


def ice(context: MaterialContext) -> Layers:
    """Frozen sheet: clear dark depth, frosted clouds, straight white fractures."""
    size = context.size
    coarse = context.cells(size * 1.9, 0.48)
    fine = context.cells(size * 0.95, 0.48)
    shown = (coarse.per_cell(context.values(coarse.count, 0, 1)) > 0.45).astype(np.float32)
    line = np.maximum(1 - smoothstep(0.6, 2.6, coarse.edge), shown * 0.75 * (1 - smoothstep(0.4, 2.0, fine.edge)))
    frost = np.exp(-np.clip(coarse.edge, 0, None) / np.float32(0.2 * size)) * 0.42
    facet = shown * fine.per_cell(context.values(fine.count)) + coarse.per_cell(context.values(coarse.count))
    white = np.clip(line * 0.92 + frost * (0.75 + 0.25 * context.noise(size, 1.0)), 0, 0.95)
    second = grey(0.97) if luma(context.rgb) < 0.8 else np.asarray((0.6, 0.68, 0.76), np.float32)
    if luma(context.rgb) < 0.2:
        second, white = grey(0.75), white * 0.7
    return Layers(height=0.5 * line, tone=1 + 0.13 * facet, tint=1 - white, second=second, gloss=0.55)


def bark(context: MaterialContext) -> Layers:
    """Deep upright ridges of a trunk."""
    ridge = context.noise(context.size * 1.9, 0.4, 0.3)
    break_up = context.noise(context.size * 0.7, 0.6)
    field = 1 - np.abs(ridge + 0.3 * break_up)
    groove = smoothstep(0.75, 0.96, field)  # pyright: ignore[reportArgumentType]
    tone = (1 + 0.1 * context.noise(34, 0.6, 0.35)) * (1.06 - 0.66 * groove)
    height = -4.0 * smoothstep(0.2, 1.0, field) + 0.5 * context.noise(34, 0.5, 0.35)  # pyright: ignore[reportArgumentType]
    return Layers(height=height, tone=tone, gloss=0.0)


def camouflage(context: MaterialContext) -> Layers:
    """Flat blotches in four tones of the colour."""
    size = context.size
    first, second, third = (context.noise(size * 2.0, 0.55, 1.4) for _ in range(3))
    dark = smoothstep(0.42, 0.5, first)
    mid = smoothstep(0.3, 0.38, second) * (1 - dark)
    pale = smoothstep(0.85, 0.93, third) * (1 - dark) * (1 - mid)
    step = 1.0 if luma(context.rgb) > 0.2 else -1.05
    tone = 1 - step * (0.56 * dark + 0.28 * mid) + 0.26 * pale * (1 if luma(context.rgb) < 0.8 else 0)
    return Layers(height=flat(context), tone=tone.astype(np.float32), gloss=0.0)
