# SPDX-License-Identifier: GPL-3.0-or-later
"""How the frames of a shot are made: surfaces painted once and rendered, or each frame by itself; and why."""

from __future__ import annotations

import bpy
import numpy as np

from ..scene.surfaces.found import FRAMES as FRAME_BY_FRAME
from ..scene.surfaces.found import TILE, VIEWS
from ..scene.surfaces.kinds import SOLID, frames_only
from .keyframes import prompts_in

AUTO, SURFACES, FRAMES = "AUTO", "SURFACES", "FRAMES"

_MOST = 0.3
"""Share of what is seen that may be left as it is, such as smoke: with more, the shot would look half done."""

_NAMED = 3
"""Objects that are named; a tooltip has no room for more."""


def chosen_method(scene: bpy.types.Scene) -> tuple[str, str]:
    """SURFACES or FRAMES, and why in words."""
    settings = scene.sd_core.stylise
    if settings.method != AUTO:
        return settings.method, "as you say"
    return _by_wishes(scene) or _by_shares(_listed(scene) or _census(scene))


def _by_wishes(scene: bpy.types.Scene) -> tuple[str, str] | None:
    """What only one of the methods can do."""
    settings = scene.sd_core.stylise
    if settings.strength < 1:
        return FRAMES, "it is to begin from the render's colors"
    if len(prompts_in(scene)) > 1:
        return FRAMES, "the prompts change over the shot"
    return None


def _by_shares(shares: dict[str, tuple[bool, float]]) -> tuple[str, str]:
    """shares: by object: whether it can be painted, and how much of what is seen it is."""
    left = {name: share for name, (painted, share) in shares.items() if not painted}
    painted = sum(share for is_painted, share in shares.values() if is_painted)
    names = ", ".join(sorted(left, key=lambda name: -left[name])[:_NAMED])
    if not painted:
        return FRAMES, f"there is nothing to paint on but {names}" if names else "there is nothing to paint on"
    if sum(left.values()) > _MOST * (painted + sum(left.values())):
        return FRAMES, f"no texture can be painted on {names}"
    return SURFACES, f"left as they are: {names}" if names else "all that is seen are surfaces"


def _listed(scene: bpy.types.Scene) -> dict[str, tuple[bool, float]]:
    """From the list that Find Objects has made."""
    rows = scene.sd_core.stylise.surfaces
    counted = (row for row in rows if row.surface in {VIEWS, TILE, FRAME_BY_FRAME})
    return {row.name: (row.surface != FRAME_BY_FRAME, row.share) for row in counted}


def _census(scene: bpy.types.Scene) -> dict[str, tuple[bool, float]]:
    """From the sizes of objects and their distances at the current frame; nothing is rendered for it."""
    eye = np.array(scene.camera.matrix_world)[:3, 3] if scene.camera is not None else np.zeros(3)
    found = {}
    for item in scene.objects:
        why = frames_only(item)
        if item.hide_render or not (why or item.type in SOLID):
            continue
        corners = np.array([(*corner, 1.0) for corner in item.bound_box]) @ np.array(item.matrix_world).T
        size = float(np.linalg.norm(np.ptp(corners[:, :3], axis=0)))
        distance = float(np.linalg.norm(corners[:, :3].mean(0) - eye))
        found[item.name] = (not why, min(1.0, (size / max(distance, 1e-6)) ** 2 / 4))
    return found
