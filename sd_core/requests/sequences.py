"""Requests over many views or frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import ClassVar

from ..errors import RequestError
from ..passes.frame_passes import Camera, FramePasses
from ..values import About, Array, InvalidValue, Role, Scope, as_control, as_mask, field, keyword_only
from ..values.checks import depth_range, flag, instance, integer, number, optional, path, tuple_of
from .descriptions import CONTROLNET, CONTROLNET_SCALE, DEPTH_RANGE, INVERT_HEIGHT, METALLIC, RELIEF, STRENGTH
from .generation import ONE_IMAGE, Generation, shape
from .paint import TEXTURE_SIZE, ObjectPaint, check_any_painted, check_names, check_numbers, check_twice
from .parts import Keyframe, Mesh, PassName, Reuse
from .registry import Output, register
from .request import Size

_NO_CAMERAS = ("has no cameras", "leave it out to have the views chosen")

PassesLike = str | os.PathLike[str] | Iterable[FramePasses | str | os.PathLike[str]]


def _mesh(value: Mesh | str | os.PathLike[str]) -> Mesh | str:
    return value if isinstance(value, Mesh) else path(value)


def _passes(value: PassesLike) -> str | tuple[FramePasses | str, ...]:
    if isinstance(value, (str, os.PathLike)):
        return path(value)
    frames = tuple_of(_frame)(value)
    if not frames:
        raise InvalidValue(
            "has no frames", "give at least one FramePasses or EXR path, or a pattern such as render/####.exr"
        )
    return frames


def _frame(value: FramePasses | str | os.PathLike[str]) -> FramePasses | str:
    return value if isinstance(value, FramePasses) else path(value)


@register(
    command="texture-mesh", title="Mesh Texture", mode="Mesh", task="mesh_texture", output=Output.MESH, commits=True
)
@keyword_only
class MeshTexture(Generation):
    """A texture for a mesh, painted from several views.

    Examples:
        >>> MeshTexture(prompt="green scales", mesh="ball.glb", texture_size=512).max_views
        8
    """

    unused: ClassVar[Mapping[str, str]] = {
        **ONE_IMAGE,
        "controls": "leave them out: the control picture of a view is its depth",
        "seamless": "leave it out: the texture of a mesh does not repeat",
        "seamless_method": "leave it out: the texture of a mesh does not repeat",
    }

    mesh: Mesh | str = field(
        about=About(
            label="Mesh",
            help="A glTF, OBJ, PLY or STL file; in Python also arrays",
            basic=True,
            preset=False,
            scope=Scope.WHOLE,
            position=0,
        ),
        converter=_mesh,
        role=Role.FILE,
    )
    views: tuple[Camera, ...] | None = field(
        about=About(
            label="Views",
            help="Cameras to paint from",
            unset="chosen so that they see as much of the surface as possible",
            preset=False,
            scope=Scope.WHOLE,
        ),
        converter=optional(tuple_of(instance(Camera), if_empty=_NO_CAMERAS)),
        default=None,
    )
    max_views: int = field(
        about=About(label="Max. Views", help="Largest number of views that are chosen", scope=Scope.WHOLE),
        converter=integer(1, 64),
        default=8,
    )
    texture_size: int = field(
        about=About(label="Texture Size", help="Side of the texture", unit="px", scope=Scope.WHOLE),
        converter=TEXTURE_SIZE,
        default=1024,
    )
    objects: tuple[ObjectPaint, ...] = field(
        about=About(
            label="Objects",
            help="What single objects are painted with, by name; each object is then painted by itself",
            preset=False,
            scope=Scope.WHOLE,
        ),
        converter=tuple_of(instance(ObjectPaint)),
        default=(),
    )
    controlnet: str | None = field(about=CONTROLNET, converter=optional(path), default=None, role=Role.CONTROLNET)
    controlnet_conditioning_scale: float = field(about=CONTROLNET_SCALE, converter=number(0, 10), default=1.0)
    relief: float | None = field(about=RELIEF, converter=optional(number(0, 10)), default=None)
    invert_height: bool | None = field(about=INVERT_HEIGHT, converter=optional(flag), default=None)
    metallic: float | None = field(about=METALLIC, converter=optional(number(0, 1)), default=None)
    image: Array | None = field(
        about=About(
            label="Texture",
            help="Texture that the mesh shows now, to repaint a part of it",
            unset="none: everything is painted",
            basic=True,
            preset=False,
            scope=Scope.WHOLE,
            metavar="FILE",
        ),
        converter=optional(as_control),
        default=None,
    )
    mask: Array | None = field(
        about=About(
            label="Mask",
            help="Picture of the size of the texture, white where to repaint",
            unset="none: everything is painted",
            basic=True,
            preset=False,
            scope=Scope.WHOLE,
            metavar="FILE",
        ),
        converter=optional(as_mask),
        default=None,
    )

    def _check(self) -> None:
        Generation._check(self)
        if self.objects:
            self._check_objects()
        if (self.image is None) != (self.mask is None):
            missing, given = ("image", "mask") if self.image is None else ("mask", "image")
            raise RequestError(missing, f"is missing, but there is a {given}", hint="to repaint a part, give both")
        for name, given in (("image", self.image), ("mask", self.mask)):
            if given is not None and shape(given) != (self.texture_size, self.texture_size):
                (h, w), side = shape(given), self.texture_size
                hint = f"set texture_size to {w}" if h == w else "give the square texture of the mesh"
                raise RequestError(name, f"is {w} x {h} px, but the texture {side} x {side}", hint=hint)

    def _check_objects(self) -> None:
        if self.views is not None:
            raise RequestError(
                "views", "see the whole mesh", hint="give each object its own: ObjectPaint(..., views=...)"
            )
        for name in ("image", "mask"):
            if getattr(self, name) is not None:
                hint = "leave it out, or repaint the object alone"
                raise RequestError(name, "cannot be given where objects are painted by themselves", hint=hint)
        check_twice(self.objects)
        if isinstance(self.mesh, Mesh):
            check_numbers(self.mesh)
            check_names(self.objects, self.mesh.names)
            check_any_painted(self.objects, self.mesh.names)


@register(
    command="animate",
    title="Animation",
    mode="Animation",
    task="animation.task",
    output=Output.FRAMES,
    commits=True,
    lazy_images=True,
)
@keyword_only
class Animation(Generation):
    """A styled frame for every rendered frame.

    Examples:
        >>> Animation(prompt="grey gravel", passes="render/####.exr", seed=5).reuse.noise
        <NoiseKind.SURFACE: 'surface'>
    """

    unused: ClassVar[Mapping[str, str]] = ONE_IMAGE

    passes: str | tuple[FramePasses | str, ...] = field(
        about=About(
            label="Passes",
            help="Rendered frames such as render/####.exr, numbered pictures, or a video",
            basic=True,
            preset=False,
            scope=Scope.WHOLE,
            metavar="PATTERN|VIDEO",
        ),
        converter=_passes,
        role=Role.FILE,
    )
    pass_names: tuple[PassName, ...] = field(
        about=About(
            label="Pass Names",
            help="Names of the passes in another renderer's files, such as depth=zdepth",
            scope=Scope.WHOLE,
        ),
        converter=tuple_of(instance(PassName)),
        default=(),
    )
    depth_estimator: str | None = field(
        about=About(
            label="Depth Estimator",
            help="Depth checkpoint for frames without depth, as of a video: a Hugging Face id or a folder",
            unset="none",
            scope=Scope.WHOLE,
        ),
        converter=optional(path),
        default=None,
        role=Role.DEPTH_ESTIMATOR,
    )
    depth_range: tuple[float, float] | None = field(about=DEPTH_RANGE, converter=optional(depth_range), default=None)
    controlnet: str | None = field(about=CONTROLNET, converter=optional(path), default=None, role=Role.CONTROLNET)
    controlnet_conditioning_scale: float = field(about=CONTROLNET_SCALE, converter=number(0, 10), default=1.0)
    strength: float = field(about=STRENGTH, converter=number(0, 1, above=True), default=1.0)
    keyframes: tuple[Keyframe, ...] = field(
        about=About(
            label="Keyframes",
            help="Settings from a frame on, blended up to the next keyframe",
            preset=False,
            scope=Scope.WHOLE,
        ),
        converter=tuple_of(instance(Keyframe)),
        default=(),
    )
    reuse: Reuse = field(
        about=About(
            label="Reuse",
            help="What is reused from frame to frame, such as noise=fixed,pin=no; off: every frame alone",
            scope=Scope.WHOLE,
        ),
        converter=instance(Reuse),
        default=Reuse(),
    )
    overscan: int = field(
        about=About(
            label="Extra Border",
            help="Border rendered around every frame; it is cut off the finished frames",
            unit="px",
            scope=Scope.WHOLE,
        ),
        converter=integer(0, 1024),
        default=0,
    )

    def _size_sources(self) -> list[tuple[str, Size]]:
        if isinstance(self.passes, str):
            return []
        sizes = ((index, frame.size) for index, frame in enumerate(self.passes) if isinstance(frame, FramePasses))
        return [(f"passes[{index}]", self._crop_size(index, size)) for index, size in sizes if size is not None]

    def _crop_size(self, index: int, size: Size) -> Size:
        height, width = (side - 2 * self.overscan for side in size)
        if min(height, width) < 8:
            raise RequestError("overscan", f"leaves nothing of passes[{index}]", hint="use a smaller margin")
        return height, width

    def _check(self) -> None:
        Generation._check(self)
        frames = [keyframe.frame for keyframe in self.keyframes]
        if len(set(frames)) != len(frames):
            raise RequestError("keyframes", "has two keyframes for one frame", hint="keep one of them")
        kinds = [named.kind for named in self.pass_names]
        if len(set(kinds)) != len(kinds):
            raise RequestError("pass_names", "names one kind of pass twice", hint="keep one of them")
