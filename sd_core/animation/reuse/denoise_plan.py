"""How far each latent of a frame is denoised: by what share of it was seen before, and whether that is confirmed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from sd_core.values import Array

from ..policy import POLICY
from .source_map import SourceMap, magnification


@dataclass(frozen=True, slots=True)
class DenoisePlan:
    """How a frame is denoised.

    strength: (lh, lw) share of the steps for each latent.
    keep: (lh, lw) in [0, 1], how strongly each latent is pulled towards its reprojected value.
    full: whether newly visible surface is generated with what lies around it (a full frame).
    regenerated: (h, w) bool, pixels whose source is this frame from now on.
    confirmed: (h, w) bool, those of them that later frames may rely on.
    backlog: share of the picture's latents that are provisional, summed over the frames since the last full frame.
    renewed: (h, w) bool, surfaces that get new detail and keep their tones.
    """

    strength: Array
    keep: Array
    full: bool
    regenerated: Array
    confirmed: Array
    backlog: float
    renewed: Array

    @property
    def largest_strength(self) -> float:
        """The largest share of the steps that some latent needs."""
        return float(self.strength.max())


def make_denoise_plan(
    sources: SourceMap, age: Array, scale: int, *, margin: int, limit: float, backlog: float
) -> DenoisePlan:
    """How to denoise a frame whose surfaces have these sources.

    Surface that appears by a pixel or two a frame is filled in on the way and stays provisional: it is kept softly, and
    generated again with its neighbours in the next full frame, which comes when there is enough of it or it has waited long
    enough. Kept as it came it would be streaks: slivers of less than `hole_share` of a latent stay provisional even then.

    Where much is new it is generated together with its neighbours: a strip of one latent has no room for anything but the
    mean of its neighbours, and each strip is paler than the last.

    Args:
        sources: reprojected from the frame before.
        age: (h, w) how much the settings changed since each pixel was made, 0 to 1.
        scale: px to a latent.
        margin: px on every side that are painted, but no part of the picture.
        limit: strength of the request: the largest share of the steps.
        backlog: see `DenoisePlan.backlog`, after the frame before.
    """
    provisional = ~sources.has_source | ~sources.confirmed
    new = share_of_latents(provisional, scale)
    backlog = backlog + _backlog_share(new, margin, scale)
    much = _needs_full_frame(new, margin, scale)
    full = much or backlog > POLICY.backlog_patience
    old = _renewed_latents(sources, age, scale, full=full)
    ramp = np.clip(new / POLICY.hole_share, 0, 1)
    holes = np.clip(share_of_latents(~sources.has_source, scale) / POLICY.hole_share, 0, 1)
    if much:
        ramp = np.maximum(ramp, _near_core(new >= POLICY.core_share))
    most = POLICY.strength_new if full else POLICY.strength_provisional
    strength = POLICY.strength_seen + (most - POLICY.strength_seen) * ramp
    strength = np.where(old, np.maximum(strength, _renewal_strength(mean(age, scale))), strength)
    keep = 1 - ramp if full else 1 - np.maximum(holes, (1 - POLICY.provisional_keep) * ramp)
    keep = np.where(old, 0.0, keep)
    made_again, from_noise = cells_to_pixels(old, scale), cells_to_pixels(ramp >= 1, scale) & full
    whole = from_noise & much
    renewed = made_again & sources.has_source & (age <= POLICY.settings_change) & ~whole
    return DenoisePlan(
        np.minimum(strength, limit).astype(np.float32),
        keep.astype(np.float32),
        full,
        provisional | made_again | whole,
        made_again | from_noise,
        0.0 if full else backlog,
        renewed,
    )


def full_denoise_plan(size: tuple[int, int], scale: int, *, limit: float) -> DenoisePlan:
    """The needs of a frame that continues nothing."""
    cells = (size[0] // scale, size[1] // scale)
    whole = np.ones(size, bool)
    return DenoisePlan(np.full(cells, limit, np.float32), np.zeros(cells, np.float32), True, whole, whole, 0.0, ~whole)


def _needs_full_frame(new: Array, margin: int, scale: int) -> bool:
    """Whether enough was filled in on the way to make it well now. new: (lh, lw) share of such pixels."""
    return (
        _backlog_share(new, margin, scale) > POLICY.backlog_share
        or float((new >= POLICY.hole_share).mean()) > POLICY.backlog_share_with_border
    )


def _near_core(core: Array) -> Array:
    """(lh, lw) in [0, 1]: 1 up to one latent next to `core`, (lh, lw) bool, and falling to 0 over the next two."""
    if not core.any():
        return np.zeros(core.shape, np.float32)
    return np.clip(1.5 - np.asarray(distance_transform_edt(~core), np.float32) / 2, 0, 1)


def _backlog_share(new: Array, margin: int, scale: int) -> float:
    """Share of the picture's latents that wait to be made well."""
    beyond = max(margin - POLICY.whole_px(POLICY.border_lookahead, scale), 0) // scale
    inner = slice(beyond, -beyond or None)
    return float((new >= POLICY.hole_share)[inner, inner].mean())


def _renewal_strength(age: Array) -> Array:
    """Share of the steps for surfaces that are made again: the more the settings changed, the less of them stays."""
    return np.clip(POLICY.renewal_strength + 2 * age, POLICY.renewal_strength, 1.0)


def _renewed_latents(sources: SourceMap, age: Array, scale: int, *, full: bool) -> Array:
    """(lh, lw) bool: surfaces that need new detail, or to follow new settings.

    Whenever some are made again, those are too whose turn would come soon: each by itself would cost as many steps.
    """
    made = sources.has_source & sources.confirmed
    larger, changed = np.where(made, magnification(sources), 1.0), made & (age > POLICY.settings_change)
    pressing = (
        share_of_latents(changed | (larger > POLICY.magnification_limit) | (larger < 1 / POLICY.reduction_limit), scale)
        >= 0.5
    )
    if not full and float(pressing.mean()) < POLICY.renewal_share:
        return np.zeros_like(pressing)
    return pressing | (share_of_latents(changed | (larger > POLICY.magnification_soon), scale) >= 0.5)


def share_of_latents(where: Array, scale: int) -> Array:
    """(lh, lw) float32: share of the pixels of each latent."""
    return mean(where.astype(np.float32), scale)


def mean(values: Array, scale: int) -> Array:
    """(lh, lw) float32: mean over the pixels of each latent."""
    height, width = values.shape
    return values.reshape(height // scale, scale, width // scale, scale).mean(axis=(1, 3), dtype=np.float32)


def cells_to_pixels(cells: Array, scale: int) -> Array:
    """(h, w): every latent's value for all of its pixels."""
    return np.repeat(np.repeat(cells, scale, axis=0), scale, axis=1)
