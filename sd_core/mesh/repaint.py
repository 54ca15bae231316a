"""A texture that exists already, of which a part is repainted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError

from .fill import fill_gutters
from .prepare import Prepared
from .surface import Floats


@dataclass(frozen=True, slots=True)
class RepaintTarget:
    """What a mesh shows so far: page (n, n, 3) in [0, 1], and where it is repainted, free (n, n).

    colours (m, 3) and kept (m,) are the same for the m texels: the gutters around them follow them.
    """

    page: Floats
    free: np.ndarray
    colours: Floats
    kept: np.ndarray


def repaint_target(prepared: Prepared, page: Floats, mask: Floats) -> RepaintTarget:
    """The texture `page` (n, n, 3) of a mesh, to be repainted where `mask` (n, n) is above one half.

    Raises:
        RequestError: the page cannot be this mesh's texture, or nothing of it is to be painted.
    """
    texels = prepared.texels
    if not prepared.own_uvs:
        raise RequestError("image", f"fits no UVs: {prepared.reason}", hint="give the mesh that was written with it")
    if len(texels.pages) > 1:
        names = ", ".join(p.name for p in texels.pages)
        raise RequestError(
            "image", f"is one texture, the mesh has {names}", hint="send the part that shows one of them"
        )
    free = mask[texels.row, texels.column] > 0.5
    if not free.any():
        raise RequestError(
            "mask",
            "is nowhere white on the surface",
            hint="paint it white where the mesh is to change",
            code=ErrorCode.SURFACE_MASK_UNUSABLE,
        )
    covered = texels.image(np.ones(len(texels), bool))
    spread = fill_gutters(texels.image(free.astype(np.float32)[:, None]), covered)
    return RepaintTarget(page, spread[0, ..., 0] > 0, page[texels.row, texels.column], ~free)
