"""Motion vectors: the only code in the project that knows their signs."""

from __future__ import annotations

import numpy as np

from ..values import Array


def motion_offsets(motion: Array) -> tuple[Array, Array]:
    """Where each point of a frame was, and where it will be, relative to its pixel.

    Args:
        motion: (h, w, 4) float32 in Blender's convention: px, y up; `[..., :2] = previous - current`,
            `[..., 2:] = current - next`.

    Returns:
        Two (h, w, 2) float32 arrays (x, y) in px of a top-left image, y down: the point at `p` was at `p + first` a
        frame ago and will be at `p + second` in the next one.
    """
    to_previous = motion[..., :2] * np.array([1, -1], np.float32)
    to_next = motion[..., 2:] * np.array([-1, 1], np.float32)
    return to_previous, to_next


def motion_from_offsets(to_previous: Array, to_next: Array) -> Array:
    """The inverse of `motion_offsets`, for motion that was estimated or computed: (h, w, 4) float32."""
    previous = to_previous * np.array([1, -1], np.float32)
    following = to_next * np.array([-1, 1], np.float32)
    return np.concatenate([previous, following], axis=-1).astype(np.float32)
