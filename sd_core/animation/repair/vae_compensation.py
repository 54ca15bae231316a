"""What the autoencoder, and being seen larger, change about a frame, undone: its colours and its detail, by the reference."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, uniform_filter

from sd_core.requests import Reuse
from sd_core.values import Array

from ..policy import POLICY
from ..reuse.source_map import SourceMap, inside_patches, magnification
from .metrics import laplacian


def compensate_round_trip(  # noqa: PLR0913 - pictures of one frame, each with a meaning of its own
    image: Array,
    reference: Array,
    round_trip: Array,
    sources: SourceMap,
    reuse: Reuse,
    *,
    renewed: Array,
    objects: Array,
    scale: int = 8,
) -> Array:
    """`image` without the drift of colour and detail that every pass through the autoencoder brings.

    The autoencoder's own error on the reference, `reference - round_trip`, is just what it costs (after Yang et al. 2023,
    "Rerender A Video", arXiv:2306.07954, eq. 9, in pixels instead of latents). It is no copy of the reference: where the
    network changed something, the change stays, and its detail is the network's.

    Args:
        image: (h, w, 3) float32 in [0, 1], decoded.
        reference: likewise, sampled from source frames.
        round_trip: likewise, the reference encoded and decoded.
        sources: where each pixel of the reference comes from.
        reuse: `colour` restores the colours, `servo` the detail.
        renewed: (h, w) bool, surfaces that were given new detail: their tones are those that they had.
        objects: (h, w) int, see `FrameGeometry.objects`: each has a drift of its own, as what is dark gets lighter.
        scale: px to a latent; 8 for the autoencoders of Stable Diffusion.
    """
    trusted = inside_patches(sources, POLICY.whole_px(POLICY.patch_border, scale))
    deep = inside_patches(sources, POLICY.whole_px(POLICY.patch_deep, scale))
    gap = uniform_filter(np.abs(image - round_trip).mean(-1), 5, mode="nearest")
    lost = _limit_error(reference - round_trip, deep)
    known = trusted & (gap < POLICY.agreement) & reuse.colour
    drift, bias = _means(round_trip - image, known, objects), _means(lost, known, objects)
    share = np.zeros((*gap.shape, 1), np.float32)
    if reuse.servo:
        share[..., 0] = _fade_weight(trusted, POLICY.px(POLICY.patch_fade, scale)) * np.exp(
            -((gap / POLICY.agreement) ** 2)
        )
        share *= _until_as_sharp(image, share * lost, reference, trusted)
    changed = image + drift + share * lost + (1 - share) * bias
    if reuse.servo:
        seen = sources.has_source & sources.confirmed
        changed = changed + (1 - share) * seen[..., None] * _fine_lost(image, reference, round_trip, trusted)
        changed = changed + _enlarged_lost(changed, sources, deep)
    if reuse.colour and renewed.any():
        changed = changed + _tones_lost(changed, reference, renewed, scale)
    return np.clip(changed, 0, 1).astype(np.float32)


def _limit_error(lost: Array, deep: Array) -> Array:
    """`lost` (h, w, 3), nowhere larger than what is usually lost deep inside patches, where any are so `deep`, (h, w) bool."""
    if deep.mean() < POLICY.trusted_share:
        return lost
    size = np.abs(lost).mean(-1)
    largest = np.quantile(size[deep], POLICY.error_quantile)
    return lost * np.minimum(1, largest / np.maximum(size, 1e-6))[..., None].astype(np.float32)


def _until_as_sharp(image: Array, detail: Array, reference: Array, known: Array) -> np.float32:
    """The share of `detail` with which `image` has the variance of the reference's Laplacian where it is `known`, 0 to 1.

    The network's own detail comes on top of what is given back: in full it would be sharper than any frame alone.
    """
    if known.mean() < POLICY.trusted_share:
        return np.float32(1)
    own, added, wanted = (laplacian(picture)[known[1:-1, 1:-1]] for picture in (image, detail, reference))
    square, cross, rest = (added**2).mean(), (own * added).mean(), (own**2).mean() - (wanted**2).mean()
    root = np.sqrt(max(cross**2 - square * rest, 0))
    return np.float32(np.clip((root - cross) / max(square, 1e-12), 0, 1))


def _fine_lost(image: Array, reference: Array, round_trip: Array, known: Array) -> Array:
    """(h, w, 3): the finest detail that the autoencoder takes, by as much as it takes where that is known."""
    if known.mean() < POLICY.trusted_share:
        return np.zeros_like(image)
    left, had = (float((_fine(picture)[known] ** 2).mean()) for picture in (round_trip, reference))
    return _fine(image) * np.float32(np.clip(np.sqrt(had / max(left, 1e-9)) - 1, 0, POLICY.detail_limit))


def _enlarged_lost(image: Array, sources: SourceMap, deep: Array) -> Array:
    """(h, w, 3): the finest detail that surfaces `deep` in patches, (h, w) bool, lost by being seen larger than made."""
    larger = np.where(deep, np.clip(magnification(sources), 1, POLICY.detail_magnification), np.float32(1)).astype(
        np.float32
    )
    if larger.max() <= 1:
        return np.zeros_like(image)
    return _fine(image) * (gaussian_filter(larger, 2 * POLICY.detail_blur)[..., None] ** POLICY.detail_power - 1)


def _fine(image: Array) -> Array:
    return image - gaussian_filter(image, (POLICY.detail_blur, POLICY.detail_blur, 0))


def _tones_lost(image: Array, reference: Array, renewed: Array, scale: int) -> Array:
    """(h, w, 3): what the picture lacks of the reference's tones where `renewed`, softly at the border of that."""
    blur = POLICY.px(POLICY.tone_blur, scale)
    weight = gaussian_filter(renewed.astype(np.float32), blur)
    gap = np.where(renewed[..., None], reference - image, np.float32(0))
    mean = gaussian_filter(gap, (blur, blur, 0)) / np.maximum(weight, 1e-6)[..., None]
    return mean * _fade_weight(renewed, POLICY.px(POLICY.tone_fade, scale))[..., None]


def _fade_weight(where: Array, reach: float) -> Array:
    """(h, w) float32: 0 outside, rising to 1 over `reach` px inside: a step of colour would be a seam."""
    if where.all():
        return np.ones(where.shape, np.float32)
    return np.clip(np.asarray(distance_transform_edt(where), np.float32) / reach, 0, 1)


def _means(shift: Array, known: Array, objects: Array) -> Array:
    """(h, w, 3): the mean of `shift` where it is `known` on each object, on all where too little of it is, else 0.

    New surfaces are generated next to what is known of their object and share its shift, so it is used for all of the object.
    """
    if known.mean() < POLICY.trusted_share:
        return np.zeros_like(shift)
    labels, shifts = objects[known], shift[known]
    count = np.bincount(labels, minlength=int(objects.max()) + 1)
    sums = [np.bincount(labels, channel, len(count)) for channel in shifts.T]
    means = np.stack(sums, axis=-1) / np.maximum(count, 1)[:, None]
    means[count < POLICY.fill_pixels] = shifts.mean(0)
    return means.astype(np.float32)[objects]
