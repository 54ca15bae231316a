"""Colours for what was never made before, from what lies around it on the same object."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import find_objects

from sd_core.diffusion.masks import fill_from_surroundings
from sd_core.values import Array

from ..policy import POLICY


def fill_disocclusions(reference: Array, has_source: Array, halo: Array, objects: Array) -> Array:
    """The reference (h, w, 3) with its holes filled: each object's from what is known of it, else from all around.

    What comes into sight behind a thing that moves is background: filled from both sides, it would begin in the colours of
    the thing, and keep them. Nor is it filled from what such a thing stained.

    Args:
        reference: float32 in [0, 1].
        has_source: (h, w) bool, pixels of it that are known.
        halo: (h, w) bool, those of them that have colours of another object and say nothing about their neighbours.
        objects: (h, w) int, see `FrameGeometry.objects`.
    """
    if has_source.all():
        return reference
    clean = has_source & ~halo if (has_source & ~halo).any() else has_source
    picture = np.where(has_source[..., None], reference, _continue_colours(reference, clean))
    labels = objects + 1  # 0 is none
    for label, box in enumerate(find_objects(labels), 1):
        if box is None:
            continue
        own = labels[box] == label
        known = own & clean[box]
        if (own & ~has_source[box]).any() and known.sum() >= POLICY.fill_pixels:
            picture[box] = np.where(
                (own & ~has_source[box])[..., None], _continue_colours(reference[box], known), picture[box]
            )
    return picture


def _continue_colours(picture: Array, known: Array) -> Array:
    pixels = torch.from_numpy(picture.transpose(2, 0, 1).copy())[None]
    holes = torch.from_numpy((~known).astype(np.float32))[None, None]
    return fill_from_surroundings(pixels, holes)[0].permute(1, 2, 0).numpy()
