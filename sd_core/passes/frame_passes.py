"""What a renderer knows about a frame."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from ..errors import RequestError
from ..values import About, Array, InvalidValue, Role, Value, as_picture, field, freeze, keyword_only, positional
from ..values.checks import choice, flag, instance, optional


class PositionSpace(StrEnum):
    """Space of the position pass: moving with the world, or fixed to the undeformed surface."""

    WORLD = "world"
    REST = "rest"


def _matrix(side: int) -> Callable[[Array], Array]:
    def convert(value: Array) -> Array:
        matrix = np.asarray(value, np.float64)
        if matrix.shape != (side, side) or not np.isfinite(matrix).all():
            hint = f"give {side} rows of {side} numbers, none NaN or infinite"
            raise InvalidValue(f"must be ({side}, {side}) finite numbers, got {matrix.shape}", hint)
        return freeze(matrix)

    return convert


def _floats(*channels: int) -> Callable[[Array], Array]:
    """(h, w, c) float32 with one of these numbers of channels."""

    def convert(value: Array) -> Array:
        array = np.asarray(value)
        if array.ndim != 3 or array.shape[2] not in channels or array.dtype.kind != "f" or not array.size:
            hint = f"give rows from the top, and {channels[0]} channels last"
            raise InvalidValue(f"must be (h, w, {channels[0]}) float32, got {array.shape} {array.dtype}", hint)
        return freeze(array.astype(np.float32))

    return convert


def _depth(value: Array) -> Array:
    array = np.asarray(value)
    if array.ndim != 2 or array.dtype.kind != "f" or not array.size:
        raise InvalidValue(f"must be (h, w) float32, got {array.shape} {array.dtype}", "scene units, inf = background")
    depth = array.astype(np.float32)
    if not (depth > 0).all():
        raise InvalidValue("must be greater than 0 everywhere", "write inf where there is background")
    return freeze(depth)


def _ids(value: Array) -> Array:
    array = np.asarray(value)
    if array.ndim != 2 or array.dtype.kind not in "iu" or not array.size or int(array.min()) < 0:
        hint = "give one whole number >= 0 for each pixel"
        raise InvalidValue(f"must be (h, w) uint32, got {array.shape} {array.dtype}", hint)
    return freeze(array.astype(np.uint32))


@positional
class Camera(Value):
    """A pinhole camera."""

    matrix_world: Array = field(
        role=Role.ARRAY,
        about=About(
            label="World Matrix",
            help="(4, 4), camera to world; the camera looks along its own -z, y up (Blender's `camera.matrix_world`)",
        ),
        converter=_matrix(4),
    )
    intrinsics: Array = field(
        role=Role.ARRAY,
        about=About(
            label="Intrinsics",
            help="(3, 3) `[[fx, 0, cx], [0, fy, cy], [0, 0, 1]]`, origin at the top left corner, y down",
            unit="px",
        ),
        converter=_matrix(3),
    )


@keyword_only
class FramePasses(Value):
    """The data passes of one frame; every field may be None, and a task says which one it misses.

    Examples:
        >>> depth = np.full((64, 96), 5, np.float32)
        >>> FramePasses(depth=depth, motion=np.zeros((64, 96, 4), np.float32)).motion.shape
        (64, 96, 4)
    """

    depth: Array | None = field(
        role=Role.ARRAY,
        about=About(
            label="Depth",
            help="(h, w) float32 planar depth, > 0, inf = background",
            unit="scene units",
            unset="no such pass",
        ),
        converter=optional(_depth),
        default=None,
    )
    motion: Array | None = field(
        role=Role.ARRAY,
        about=About(
            label="Motion",
            help="(h, w, 4) float32, y up: previous - current, then current - next (see `motion_offsets`)",
            unit="px",
            unset="no such pass",
        ),
        converter=optional(_floats(4)),
        default=None,
    )
    image: Array | None = field(
        about=About(
            label="Image",
            help="(h, w, 3|4) uint8 or float32 in [0, 1], sRGB-encoded, straight alpha",
            unset="no such pass",
        ),
        converter=optional(as_picture),
        default=None,
    )
    object_id: Array | None = field(
        role=Role.ARRAY,
        about=About(label="Object IDs", help="(h, w) uint32, 0 = background", unset="no such pass"),
        converter=optional(_ids),
        default=None,
    )
    position: Array | None = field(
        role=Role.ARRAY,
        about=About(
            label="Position",
            help="(h, w, 3) float32, in the space that `position_space` names",
            unit="scene units",
            unset="no such pass",
        ),
        converter=optional(_floats(3)),
        default=None,
    )
    position_space: PositionSpace = field(
        about=About(
            label="Position Space",
            help="world: positions move with the surface; rest: they stay with the undeformed surface",
        ),
        converter=choice(PositionSpace),
        default=PositionSpace.WORLD,
    )
    normal: Array | None = field(
        role=Role.ARRAY,
        about=About(
            label="Normal",
            help="(h, w, 3) float32, world space, unit length; 0 where there is background",
            unset="no such pass",
        ),
        converter=optional(_floats(3)),
        default=None,
    )
    uv: Array | None = field(
        role=Role.ARRAY,
        about=About(label="UV", help="(h, w, 2) float32", unset="no such pass"),
        converter=optional(_floats(2)),
        default=None,
    )
    camera: Camera | None = field(
        about=About(label="Camera", help="Camera of the frame", unset="not known"),
        converter=optional(instance(Camera)),
        default=None,
    )
    cut: bool = field(
        about=About(label="Cut", help="Whether this frame does not continue the one before"),
        converter=flag,
        default=False,
    )

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) in px; None where there is no pass."""
        sizes = self._sizes()
        return sizes[0][1] if sizes else None

    def _sizes(self) -> list[tuple[str, tuple[int, int]]]:
        names = ("depth", "motion", "image", "object_id", "position", "normal", "uv")
        named = ((name, getattr(self, name)) for name in names)
        return [(name, array.shape[:2]) for name, array in named if array is not None]

    def _check(self) -> None:
        for name, (height, width) in self._sizes():
            if (height, width) != self.size:
                first, (h, w) = self._sizes()[0]
                raise RequestError(name, f"is {width} x {height} px, but {first} {w} x {h}", hint="make them equal")
