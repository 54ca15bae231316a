# SPDX-License-Identifier: GPL-3.0-or-later
"""From the data passes of a frame to the request for its stylised picture; no bpy, for the job's thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import FramePasses
from sd_core.requests import Control

from ..scene.controls import edge_picture, normal_picture
from ..scene.passes.framing import Framing


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlWeights:
    """Weights of the controls besides the depth; None: not used."""

    normal: float | None = None
    edges: float | None = None

    def make_controls(self, passes: FramePasses) -> tuple[Control, ...]:
        """The controls of a frame."""
        found = []
        if self.normal is not None:
            found.append(Control("normal", normal_picture(passes), scale=self.normal))
        if self.edges is not None:
            found.append(Control("canny", edge_picture(passes), scale=self.edges))
        return tuple(found)


def still_fields(
    passes: FramePasses, framing: Framing, controls: ControlWeights, picture: np.ndarray | None
) -> dict[str, Any]:
    """The fields of a `DepthToImage` that follow from a frame.

    Args:
        passes: of the size of `framing.data_size`, without the extra border.
        picture: (h, w, 3|4) uint8, the render; None where the strength is 1.

    Raises:
        RequestError: nothing but background is seen, or a pass is missing.
    """
    depth = passes.depth
    if depth is None or not np.isfinite(depth).any():
        raise RequestError("depth", "the camera sees only background", hint="point the camera at something")
    image = None if picture is None else framing.pad(np.ascontiguousarray(picture[..., :3]))
    return {"depth": depth, "image": image, "controls": controls.make_controls(passes)}


def with_alpha(picture: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """(h, w, 4) uint8 with this alpha in [0, 1] or uint8; the picture itself where all is opaque."""
    if alpha is None:
        return picture
    eight_bit = alpha if alpha.dtype == np.uint8 else np.rint(alpha * 255).astype(np.uint8)
    return np.dstack([picture[..., :3], eight_bit])
