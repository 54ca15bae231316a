"""Requests over many views or frames."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..errors import RequestError
from ..passes.frame_passes import Camera, FramePasses
from ..values import Array, Role, Wrong, as_control, as_mask, option, value
from ..values.checks import depth_range, instance, integer, number, optional, path, tuple_of
from .generation import Generation, only_one_image, shape
from .parts import Keyframe, Mesh, PassName, Reuse
from .request import Size

PassesLike = str | os.PathLike[str] | Iterable[FramePasses | str | os.PathLike[str]]


def _mesh(value: Mesh | str | os.PathLike[str]) -> Mesh | str:
    return value if isinstance(value, Mesh) else path(value)


def _passes(value: PassesLike) -> str | tuple[FramePasses | str, ...]:
    if isinstance(value, (str, os.PathLike)):
        return path(value)
    frames = tuple_of(_frame)(value)
    if not frames:
        raise Wrong("has no frames", "give at least one FramePasses or EXR path, or a pattern such as render/####.exr")
    return frames


def _frame(value: FramePasses | str | os.PathLike[str]) -> FramePasses | str:
    return value if isinstance(value, FramePasses) else path(value)


def _views(value: Iterable[Camera]) -> tuple[Camera, ...]:
    views = tuple_of(instance(Camera))(value)
    if not views:
        raise Wrong("has no cameras", "leave it out to have the views chosen")
    return views


@value
class MeshTexture(Generation):
    """A texture for a mesh, painted from several views.

    mesh: path of a glTF, OBJ, PLY or STL file, or `Mesh` arrays.
    views: cameras to paint from; None: chosen by coverage, at most `max_views`.
    texture_size: side of the texture in px.
    image, mask: a texture (texture_size, texture_size, 3) that the mesh shows already through its own UVs, and where to
        repaint it, (texture_size, texture_size) float32 in [0, 1], 1 = repaint; the rest stays as it is. Both or neither.
    """

    mesh: Mesh | str = option(converter=_mesh, role=Role.FILE)
    views: tuple[Camera, ...] | None = option(converter=optional(_views), default=None)
    max_views: int = option(converter=integer(1, 64), default=8)
    texture_size: int = option(converter=integer(64, 16384), default=1024)
    controlnet: str | None = option(converter=optional(path), default=None, role=Role.CONTROLNET)
    controlnet_conditioning_scale: float = option(converter=number(0, 10), default=1.0)
    image: Array | None = option(converter=optional(as_control), default=None)
    mask: Array | None = option(converter=optional(as_mask), default=None)

    def _check(self) -> None:
        Generation._check(self)
        only_one_image(self)
        if (self.image is None) != (self.mask is None):
            missing, given = ("image", "mask") if self.image is None else ("mask", "image")
            raise RequestError(missing, f"is missing, but there is a {given}", hint="to repaint a part, give both")
        for name, given in (("image", self.image), ("mask", self.mask)):
            if given is not None and shape(given) != (self.texture_size, self.texture_size):
                (h, w), side = shape(given), self.texture_size
                hint = f"set texture_size to {w}" if h == w else "give the square texture of the mesh"
                raise RequestError(name, f"is {w} x {h} px, but the texture {side} x {side}", hint=hint)


@value
class Animation(Generation):
    """A styled frame for every rendered frame.

    passes: `FramePasses` or EXR paths in order, or one "####" pattern, or a video; opened one frame at a time. They are
        larger than the result by `overscan` px on every side.
    pass_names: names of the passes in the EXR files of another renderer.
    depth_estimator: hub id or folder of a depth checkpoint for transformers, for passes without depth, such as those of a
        video; None: they have none.
    depth_range: (near, far) in scene units for the whole sequence; None: its finite minimum and maximum.
    strength: in (0, 1]; below 1 the passes must hold images.
    keyframes: settings that change over time, at most one for each frame.
    reuse: what is carried from frame to frame.
    overscan: px, 0 to 1024.
    """

    passes: str | tuple[FramePasses | str, ...] = option(converter=_passes, role=Role.FILE)
    pass_names: tuple[PassName, ...] = option(converter=tuple_of(instance(PassName)), default=())
    depth_estimator: str | None = option(converter=optional(path), default=None, role=Role.DEPTH_ESTIMATOR)
    depth_range: tuple[float, float] | None = option(converter=optional(depth_range), default=None)
    controlnet: str | None = option(converter=optional(path), default=None, role=Role.CONTROLNET)
    controlnet_conditioning_scale: float = option(converter=number(0, 10), default=1.0)
    strength: float = option(converter=number(0, 1, above=True), default=1.0)
    keyframes: tuple[Keyframe, ...] = option(converter=tuple_of(instance(Keyframe)), default=())
    reuse: Reuse = option(converter=instance(Reuse), default=Reuse())
    overscan: int = option(converter=integer(0, 1024), default=0)

    def _pictures(self) -> list[tuple[str, Size]]:
        if isinstance(self.passes, str):
            return []
        sizes = ((index, frame.size) for index, frame in enumerate(self.passes) if isinstance(frame, FramePasses))
        return [(f"passes[{index}]", self._cropped(index, size)) for index, size in sizes if size is not None]

    def _cropped(self, index: int, size: Size) -> Size:
        height, width = (side - 2 * self.overscan for side in size)
        if min(height, width) < 8:
            raise RequestError("overscan", f"leaves nothing of passes[{index}]", hint="use a smaller margin")
        return height, width

    def _check(self) -> None:
        Generation._check(self)
        only_one_image(self)
        frames = [keyframe.frame for keyframe in self.keyframes]
        if len(set(frames)) != len(frames):
            raise RequestError("keyframes", "has two keyframes for one frame", hint="keep one of them")
        kinds = [named.kind for named in self.pass_names]
        if len(set(kinds)) != len(kinds):
            raise RequestError("pass_names", "names one kind of pass twice", hint="keep one of them")
