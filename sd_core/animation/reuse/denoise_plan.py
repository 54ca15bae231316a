"""How far each latent of a frame must be denoised, by what share of it was made before, and how well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from sd_core.values import Array

from ..policy import POLICY
from .source_map import Births, magnification


@dataclass(frozen=True, slots=True)
class Needs:
    """What a frame needs.

    strength: (lh, lw) share of the steps for each latent. hold: (lh, lw) in [0, 1], how firmly it is held to its reference.
    full: whether what is new is made well in this frame.
    fresh: (h, w) bool, pixels that count as made by this frame. firm: (h, w) bool, those made in context.
    owed: share of the picture's latents that wait to be made well, summed over the frames since that was last done.
    renewed: (h, w) bool, surfaces that are given new detail and nothing else.
    """

    strength: Array
    hold: Array
    full: bool
    fresh: Array
    firm: Array
    owed: float
    renewed: Array

    @property
    def longest(self) -> float:
        """The largest share of the steps that some latent needs."""
        return float(self.strength.max())


def needs_of(births: Births, age: Array, scale: int, *, margin: int, limit: float, owed: float) -> Needs:
    """What is to be done to a frame whose surfaces have these births.

    What comes into view by a pixel or two in each frame is filled in on the way and stays loose: held softly, and made
    again with its neighbours once there is enough of it, or it has waited for long, to run the frame in full. Locked as it
    came it would be streaks: slivers that fill less than `hole_share` of a latent stay loose even then.

    Where much is new it is made with what lies beside it: a strip of one latent has no room for anything but the mean of
    its neighbours, and each is paler than the last.

    Args:
        births: as carried from the frame before.
        age: (h, w) how much the settings changed since each pixel was made, 0 to 1.
        scale: px to a latent.
        margin: px on every side that are painted, but no part of the picture.
        limit: strength of the request: the largest share of the steps.
        owed: see `Needs.owed`, after the frame before.
    """
    loose = ~births.made | ~births.firm
    new = area(loose, scale)
    owed = owed + _open_share(new, margin, scale)
    much = _owes(new, margin, scale)
    full = much or owed > POLICY.backlog_patience
    old = _made_again(births, age, scale, full=full)
    ramp, holes = np.clip(new / POLICY.hole_share, 0, 1), np.clip(area(~births.made, scale) / POLICY.hole_share, 0, 1)
    if much:
        ramp = np.maximum(ramp, _beside(new >= POLICY.core_share))
    strength = (
        POLICY.strength_seen
        + ((POLICY.strength_new if full else POLICY.strength_provisional) - POLICY.strength_seen) * ramp
    )
    strength = np.where(old, np.maximum(strength, _worn(mean(age, scale))), strength)
    hold = 1 - ramp if full else 1 - np.maximum(holes, (1 - POLICY.provisional_keep) * ramp)
    hold = np.where(old, 0.0, hold)
    made_again, anew = enlarged(old, scale), enlarged(ramp >= 1, scale) & full
    whole = anew & much
    renewed = made_again & births.made & (age <= POLICY.settings_change) & ~whole
    return Needs(
        np.minimum(strength, limit).astype(np.float32),
        hold.astype(np.float32),
        full,
        loose | made_again | whole,
        made_again | anew,
        0.0 if full else owed,
        renewed,
    )


def everything(size: tuple[int, int], scale: int, *, limit: float) -> Needs:
    """The needs of a frame that continues nothing."""
    cells = (size[0] // scale, size[1] // scale)
    whole = np.ones(size, bool)
    return Needs(np.full(cells, limit, np.float32), np.zeros(cells, np.float32), True, whole, whole, 0.0, ~whole)


def _owes(new: Array, margin: int, scale: int) -> bool:
    """Whether enough was filled in on the way to make it well now. new: (lh, lw) share of such pixels."""
    return (
        _open_share(new, margin, scale) > POLICY.backlog_share
        or float((new >= POLICY.hole_share).mean()) > POLICY.backlog_share_with_border
    )


def _beside(core: Array) -> Array:
    """(lh, lw) in [0, 1]: 1 up to a latent beside `core`, (lh, lw) bool, and falling to 0 over the next two."""
    if not core.any():
        return np.zeros(core.shape, np.float32)
    return np.clip(1.5 - np.asarray(distance_transform_edt(~core), np.float32) / 2, 0, 1)


def _open_share(new: Array, margin: int, scale: int) -> float:
    """Share of the picture's latents that wait to be made well."""
    beyond = max(margin - POLICY.whole_px(POLICY.border_lookahead, scale), 0) // scale
    inner = slice(beyond, -beyond or None)
    return float((new >= POLICY.hole_share)[inner, inner].mean())


def _worn(age: Array) -> Array:
    """Share of the steps for surfaces that are made again: the more the settings changed, the less of them stays."""
    return np.clip(POLICY.renewal_strength + 2 * age, POLICY.renewal_strength, 1.0)


def _made_again(births: Births, age: Array, scale: int, *, full: bool) -> Array:
    """(lh, lw) bool: surfaces that need new detail, or to follow new settings.

    Whenever some are made again, those are too whose turn would come soon: each by itself would cost as many steps.
    """
    made = births.made & births.firm
    larger, changed = np.where(made, magnification(births), 1.0), made & (age > POLICY.settings_change)
    pressing = (
        area(changed | (larger > POLICY.magnification_limit) | (larger < 1 / POLICY.reduction_limit), scale) >= 0.5
    )
    if not full and float(pressing.mean()) < POLICY.renewal_share:
        return np.zeros_like(pressing)
    return pressing | (area(changed | (larger > POLICY.magnification_soon), scale) >= 0.5)


def area(where: Array, scale: int) -> Array:
    """(lh, lw) float32: share of the pixels of each latent."""
    return mean(where.astype(np.float32), scale)


def mean(values: Array, scale: int) -> Array:
    """(lh, lw) float32: mean over the pixels of each latent."""
    height, width = values.shape
    return values.reshape(height // scale, scale, width // scale, scale).mean(axis=(1, 3), dtype=np.float32)


def enlarged(cells: Array, scale: int) -> Array:
    """(h, w): every latent's value for all of its pixels."""
    return np.repeat(np.repeat(cells, scale, axis=0), scale, axis=1)
