"""Laid materials: bricks, planks, tiles, hexagons, cobbles, plates, concrete."""

from __future__ import annotations

import numpy as np

from sd_core.training.data.cells import lattice, lattice_counts, voronoi
from sd_core.training.data.colours import companion, luma
from sd_core.training.data.noise import smoothstep
from sd_core.training.data.surface import Layers, MaterialContext, flat, grey


def _joint(context: MaterialContext) -> np.ndarray:
    """Mortar that stands out from the stones."""
    bright = luma(context.rgb)
    if bright > 0.72:
        return grey(context.random(0.42, 0.52), 0.01)
    return grey(context.random(0.68, 0.78), 0.015) if bright < 0.5 or bright > 0.56 else grey(0.84, 0.01)


def brick(context: MaterialContext) -> Layers:
    """Running bond with recessed mortar."""
    size = context.size
    rows, columns = lattice_counts(context.shape, size * 0.72, size * 1.75, even_rows=True)
    bend = [context.bend(size, 0.9) for _ in range(2)]
    cells = lattice(context.shape, rows, columns, shift=0.5, dx=bend[0], dy=bend[1])
    joint = max(1.6, 0.055 * size)
    body = smoothstep(joint - 0.9, joint + 0.9, cells.edge)
    tone = 1 + 0.15 * cells.per_cell(context.values(cells.count)) + 0.06 * context.noise(22, 1.0)
    height = 3.2 * smoothstep(joint - 1, joint + 3.5, cells.edge) + 0.5 * context.noise(18, 0.6) * body
    return Layers(height=height, tone=tone, tint=body, second=_joint(context), gloss=0.05)


def planks(context: MaterialContext) -> Layers:
    """Long boards with grain and a few knots."""
    size = context.size
    rows, columns = lattice_counts(context.shape, size * 0.85, size * 5.0, even_rows=True)
    cells = lattice(context.shape, rows, columns, shift=context.random(0.3, 0.6))
    board = cells.per_cell(context.values(cells.count, 0, 40))
    wave = context.noise(size * 2.5, 0.8, 4.0) * 2.2 + 0.5 * context.noise(size, 0.5, 3.0)
    grain = np.sin(cells.y * np.float32(2 * np.pi / 10.5) + wave + board)
    streak = context.noise(18, 0.6, 6.0)
    gap = smoothstep(0.6, 2.4, cells.edge)
    tone = 1 + 0.16 * cells.per_cell(context.values(cells.count)) + 0.10 * grain + 0.08 * streak
    height = 2.4 * smoothstep(0.4, 4.0, cells.edge) + 0.32 * grain + 0.25 * streak
    return Layers(height=height, tone=tone * (0.35 + 0.65 * gap), gloss=0.12)


def tiles(context: MaterialContext) -> Layers:
    """Square glazed tiles with bevelled rims and straight grout."""
    size = context.size * 1.05
    rows, columns = lattice_counts(context.shape, size, size)
    cells = lattice(context.shape, rows, columns)
    joint = max(1.5, 0.05 * size)
    body = smoothstep(joint - 0.8, joint + 0.8, cells.edge)
    tilt = [cells.per_cell(context.values(cells.count)) for _ in range(2)]
    height = 2.6 * smoothstep(joint - 0.5, joint + 4.5, cells.edge) + 0.035 * (tilt[0] * cells.x + tilt[1] * cells.y)
    tone = 1 + 0.05 * cells.per_cell(context.values(cells.count)) + 0.02 * context.noise(size, 1.0)
    second = grey(0.9, 0.005) if luma(context.rgb) < 0.8 else grey(0.5, 0.0)
    return Layers(height=height, tone=tone, tint=body, second=second, gloss=0.75)


def hexagons(context: MaterialContext) -> Layers:
    """A honeycomb of bevelled hexagonal tiles with dark joints."""
    size = context.size * 0.95
    rows, columns = lattice_counts(context.shape, size * 0.866, size, even_rows=True)
    row, column = np.mgrid[0:rows, 0:columns]
    y, x = (row + 0.5) * context.shape[0] / rows, (column + 0.5 * (row % 2) + 0.25) * context.shape[1] / columns
    cells = voronoi(np.stack([y, x % context.shape[1]], -1).reshape(-1, 2).astype(np.float64), context.shape)
    joint = max(1.5, 0.055 * size)
    body = smoothstep(joint - 0.8, joint + 0.8, cells.edge)
    tone = 1 + 0.16 * cells.per_cell(context.values(cells.count)) + 0.02 * context.noise(20, 1.0)
    height = 3.4 * smoothstep(joint - 0.5, joint + max(4.5, 0.16 * size), cells.edge)
    second = grey(0.14) if luma(context.rgb) > 0.3 else grey(0.62)
    return Layers(height=height, tone=tone, tint=body, second=second, gloss=0.4)


def cobblestone(context: MaterialContext) -> Layers:
    """Rounded stones in earth."""
    size = context.size * 0.95
    cells = context.cells(size, 0.24, 1.5)
    joint = 0.075 * size
    body = smoothstep(joint - 1.0, joint + 1.2, cells.edge)
    dome = np.sqrt(np.clip((cells.edge - joint) / (0.42 * size), 0, 1))
    tone = (1 + 0.15 * cells.per_cell(context.values(cells.count)) + 0.05 * context.noise(24, 1.0)) * (
        0.72 + 0.33 * dome
    )
    height = 0.26 * size * dome + 0.6 * context.noise(20, 0.6)
    second = grey(0.2, 0.03) if luma(context.rgb) > 0.3 else grey(0.46, 0.03)
    return Layers(height=height, tone=tone, tint=body, second=second, gloss=0.15)


def metal_plates(context: MaterialContext) -> Layers:
    """Sheets of metal with seams and a rivet in each corner."""
    size = context.size * 1.5
    rows, columns = lattice_counts(context.shape, size, size)
    cells = lattice(context.shape, rows, columns)
    half = np.asarray((context.shape[1] / columns, context.shape[0] / rows), np.float32) / 2
    inset, radius = np.float32(max(6.5, 0.17 * size)), np.float32(max(3.0, 0.07 * size))
    rivet = np.hypot(np.abs(cells.x) - half[0] + inset, np.abs(cells.y) - half[1] + inset)
    brushed = context.noise(18, 0.5, 7.0)
    height = 2.2 * smoothstep(0.3, 2.8, cells.edge) + 0.75 * radius * smoothstep(0, 1, 1 - rivet / (radius * 1.35))
    sheen = cells.per_cell(context.values(cells.count)) * 0.10 + 0.16 * np.sin(
        cells.x / half[0] * 1.3 + cells.y / half[1]
    )
    seam = smoothstep(0.3, 2.0, cells.edge) * (1 - 0.45 * smoothstep(0.2, 0.8, 1 - np.abs(rivet / radius - 1.45)))
    tone = (1 + sheen + 0.035 * brushed) * (0.3 + 0.7 * seam)
    return Layers(height=height + 0.06 * brushed, tone=tone, gloss=0.8)


def concrete(context: MaterialContext) -> Layers:
    """A poured, stained wall with a few pits."""
    discoloration = context.noise(context.size * 2, 1.3)
    fine = context.noise(20, 0.7)
    pits = smoothstep(1.7, 2.5, context.noise(context.size * 0.5, 0.4))
    tone = 1 + 0.085 * discoloration + 0.035 * fine - 0.35 * pits
    return Layers(height=0.35 * fine + 0.3 * discoloration - 2.2 * pits, tone=tone, gloss=0.03)


def checker(context: MaterialContext) -> Layers:
    """Flat squares in two tones."""
    rows, columns = (2 * max(1, round(n / context.size / 2)) for n in context.shape)
    cells = lattice(context.shape, rows, columns)
    parity = ((cells.index // columns + cells.index % columns) % 2).astype(np.float32)
    edge = smoothstep(-1.2, 1.2, np.where(parity > 0, cells.edge, -cells.edge))
    return Layers(
        height=flat(context),
        tone=1 + 0.012 * context.noise(24, 1.0),
        tint=edge,
        second=companion(context.rgb, 0.9),
        gloss=0.1,
    )


def stripes(context: MaterialContext) -> Layers:
    """Flat straight bars in two tones, level, upright or aslant."""
    h, w = context.shape
    count = [max(1, round(n / context.size * 0.9)) for n in (h, w)]
    choice = context.rng.integers(3)
    across, down = (0, count[0]) if choice == 0 else (count[1], 0) if choice == 1 else (count[1], count[0])
    if choice == 2:
        across, down = max(1, round(across * 0.7)), max(1, round(down * 0.7)) * (1 if context.chance(0.5) else -1)
    y, x = np.arange(h, dtype=np.float32)[:, None], np.arange(w, dtype=np.float32)[None, :]
    phase = (x * np.float32(across / w) + y * np.float32(down / h)).astype(np.float32)
    period = 1 / np.hypot(across / w, down / h)
    distance = (0.25 - np.abs(phase % 1 - 0.5)) * np.float32(period) + np.float32(0.04 * period)
    return Layers(
        height=flat(context),
        tone=1 + 0.012 * context.noise(24, 1.0),
        tint=smoothstep(-1.2, 1.2, distance),
        second=companion(context.rgb, 0.9),
        gloss=0.1,
    )
