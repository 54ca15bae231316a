"""Colour without shading, roughness and metal: what a picture says about the material itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sd_core.values.luminance import luminance

from .periodic import Plane, blur
from .words import PromptHints

Rgb = NDArray[np.float32]
"""(h, w, 3), linear light."""


def without_shading(rgb: Rgb, amount: float = 0.5) -> Rgb:
    """Colours with slow changes of brightness evened out; hues stay.

    Args:
        amount: 0 leaves them, 1 takes them out entirely.
    """
    light = luminance(rgb)
    slow = np.maximum(blur(light, min(light.shape) / 8), 1e-4)
    gain = (max(float(light.mean()), 1e-4) / slow) ** amount
    return np.clip(rgb * gain[..., None], 0, 1).astype(np.float32)


def roughness(light: Plane, occlusion: Plane, base: float) -> Plane:
    """A guess in [0.04, 1]: busy and hidden places are duller, highlights are smoother.

    Args:
        light: luminance, linear.
        occlusion: share of the sky that is seen.
        base: roughness of an even, open place.
    """
    span = max(float(np.percentile(light, 99)), 1e-4)
    tone = np.clip(light / span, 0, 1)
    even = blur(tone, 2.0)
    busy = np.sqrt(np.maximum(blur((tone - even) ** 2, 2.0), 0))
    highlight = np.clip((even - 0.8) / 0.2, 0, 1)
    return np.clip(base + 0.6 * busy + 0.3 * (1 - occlusion) - 0.2 * highlight, 0.04, 1).astype(np.float32)


def metallic(rgb: Rgb, hints: PromptHints) -> Plane:
    """0 everywhere unless the prompt names a metal; then 1, and where it is corroded only where colours are grey."""
    shape = rgb.shape[:2]
    if not (hints.metallic and hints.corroded):
        return np.full(shape, hints.metallic or 0, np.float32)
    brightest, darkest = rgb.max(axis=-1), rgb.min(axis=-1)
    saturation = (brightest - darkest) / np.maximum(brightest, 1e-4)
    bare = np.clip((0.45 - saturation) / 0.25, 0, 1)
    return (bare * bare * (3 - 2 * bare)).astype(np.float32)
