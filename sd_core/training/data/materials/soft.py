"""Cloth, skin and padding."""

from __future__ import annotations

import numpy as np

from sd_core.training.data.cells import lattice, lattice_counts, pixel_grid
from sd_core.training.data.noise import smoothstep
from sd_core.training.data.surface import Layers, MaterialContext


def fabric(context: MaterialContext) -> Layers:
    """A basket weave of threads over and under one another."""
    thread = context.size * 0.42
    rows, columns = (2 * max(1, round(n / thread / 2)) for n in context.shape)
    cells = lattice(context.shape, rows, columns)
    half_x, half_y = (np.float32(n / k / 2) for n, k in ((context.shape[1], columns), (context.shape[0], rows)))
    u, v = cells.x / half_x, cells.y / half_y
    over = ((cells.index // columns + cells.index % columns) % 2).astype(bool)
    across, along = np.where(over, u, v), np.where(over, v, u)
    round_thread = np.sqrt(np.clip(1 - (across * 0.94) ** 2, 0, 1))
    arch = np.cos(along * np.float32(np.pi / 2) * np.float32(0.86))
    height = np.float32(0.42) * half_x * round_thread * (0.35 + 0.65 * arch)
    shade = 0.62 + 0.42 * round_thread * (0.5 + 0.5 * arch)
    tone = shade * np.where(over, 1.09, 0.93).astype(np.float32) * (1 + 0.03 * context.noise(context.size, 1.2))
    return Layers(height=height.astype(np.float32), tone=tone.astype(np.float32), gloss=0.0)


def knit(context: MaterialContext) -> Layers:
    """Columns of V-shaped stitches."""
    size = max(context.size * 0.62, 16.0)
    rows, columns = lattice_counts(context.shape, size * 0.8, size)
    y, x = pixel_grid(*context.shape)
    u = (x * np.float32(columns / context.shape[1])) % 1 - np.float32(0.5)
    lean = np.abs(u) * np.float32(1.7)
    v = (y * np.float32(rows / context.shape[0]) + lean) % 1 - np.float32(0.5)
    strand = (
        np.sqrt(np.clip(1 - (v / 0.52) ** 2, 0, 1))
        * smoothstep(0.0, 0.13, np.abs(u))
        * smoothstep(0.0, 0.1, 0.5 - np.abs(u))
    )
    strand = strand.astype(np.float32)
    tone = (0.5 + 0.55 * strand) * (1 + 0.04 * context.noise(context.size, 1.2))
    return Layers(height=0.22 * np.float32(size) * strand, tone=tone, gloss=0.0)


def leather(context: MaterialContext) -> Layers:
    """Hide: small soft pebbles in one colour, with creases."""
    cells = context.cells(context.size * 0.45, 0.36, 1.2)
    bump = smoothstep(-0.5, 4.2, cells.edge)
    crease = 1 - smoothstep(0.0, 0.13, np.abs(context.noise(context.size * 2.2, 0.7)))
    tone = (0.8 + 0.22 * bump) * (1 - 0.2 * crease) * (1 + 0.04 * context.noise(context.size * 2, 1.0))
    return Layers(height=1.5 * bump - 1.4 * crease, tone=tone, gloss=0.5)


def scales(context: MaterialContext) -> Layers:
    """Overlapping round scales in staggered rows; the tip of each lies over the row below."""
    size = context.size * 0.8
    rows, columns = lattice_counts(context.shape, size * 0.5, size, even_rows=True)
    y, x = pixel_grid(*context.shape)
    step_y, step_x = np.float32(context.shape[0] / rows), np.float32(context.shape[1] / columns)
    radius = np.float32(max(step_x * 0.58, step_y * 1.16))
    tones = context.values(rows * columns)
    base = np.floor(y / step_y).astype(np.intp)
    tone, height = np.zeros(context.shape, np.float32), np.zeros(context.shape, np.float32)
    for row in (base + 1, base, base - 1):
        u = x / step_x + (row % 2).astype(np.float32) * np.float32(0.5)
        column = np.floor(u).astype(np.intp)
        across = (u - column.astype(np.float32) - np.float32(0.5)) * step_x
        along = y - row.astype(np.float32) * step_y
        inside = radius - np.hypot(across, along)
        cover = smoothstep(-0.8, 0.8, inside)
        fall = along / radius
        shade = 0.8 + 0.26 * fall + 0.11 * tones[(row % rows) * columns + column % columns]
        shade *= 0.45 + 0.55 * smoothstep(-0.2, 2.6, inside)
        tone += cover * (shade - tone)
        dome = np.sqrt(np.clip(inside / radius, 0, 1))
        height += cover * (0.16 * radius * fall + 0.3 * radius * dome + 2 - height)
    return Layers(height=height, tone=tone, gloss=0.5)


def quilt(context: MaterialContext) -> Layers:
    """Padded cushions stitched in diamonds, with a button at each crossing."""
    h, w = context.shape
    columns, rows = max(1, round(w / context.size / 1.5)), max(1, round(h / context.size / 1.5))
    y, x = pixel_grid(h, w)
    u, v = x * np.float32(columns / w), y * np.float32(rows / h)
    a, b = (u + v) % 1 - np.float32(0.5), (u - v) % 1 - np.float32(0.5)
    scale = np.float32(0.5 * (w / columns + h / rows) / np.sqrt(2))
    edge = (0.5 - np.maximum(np.abs(a), np.abs(b))) * scale
    corner = np.hypot(0.5 - np.abs(a), 0.5 - np.abs(b)) * scale
    pad = np.sqrt(np.clip(np.cos(a * np.float32(np.pi)) * np.cos(b * np.float32(np.pi)), 0, 1))
    button = smoothstep(0, 1, 1.6 - corner / np.float32(max(2.6, 0.05 * scale)))
    tone = (0.74 + 0.3 * pad) * (0.62 + 0.38 * smoothstep(0, 2.4, edge)) * (1 - 0.25 * button)
    return Layers(
        height=(0.24 * scale * pad + 1.6 * button).astype(np.float32), tone=tone.astype(np.float32), gloss=0.3
    )
