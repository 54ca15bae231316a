"""Requests whose result is an image."""

from __future__ import annotations

from ..errors import RequestError
from ..passes import as_depth
from ..values import Array, Role, as_control, as_mask, as_picture, option, value
from ..values.checks import choice, depth_range, margins, number, optional, path, tuple_of
from .choices import Fill, NormalConvention, Seamless, TextureMap
from .generation import Generation, only_one_image, shape, strength_needs_image
from .request import Request, Size


@value
class TextToImage(Generation):
    """An image from text alone."""


@value
class ImageToImage(Generation):
    """An image from another one.

    image: (h, w, 3|4) uint8 or float32 in [0, 1]; sides multiples of 8; alpha is kept and given back.
    strength: share of the schedule that is run, in (0, 1]; 1 keeps almost nothing. SDEdit, arXiv:2108.01073.
    """

    image: Array = option(converter=as_picture)
    strength: float = option(converter=number(0, 1, above=True), default=0.75)

    def _pictures(self) -> list[tuple[str, Size]]:
        return [("image", shape(self.image))]


@value
class DepthToImage(Generation):
    """An image with the depth of a scene, by a depth ControlNet or T2I-Adapter, or an SD2-depth model.

    depth: (h, w) float32 planar depth in scene units, > 0, inf = background; or a uint8 depth picture (near = white).
    depth_range: (near, far) in scene units; None: the finite minimum and maximum. None for a depth picture.
    controlnet: hub id or folder of either; None: the depth ControlNet known for the model's family.
    controlnet_conditioning_scale: 0 to 10.
    image: start picture of the same size; without it `strength` must be 1.
    """

    depth: Array = option(converter=as_depth)
    depth_range: tuple[float, float] | None = option(converter=optional(depth_range), default=None)
    controlnet: str | None = option(converter=optional(path), default=None, role=Role.CONTROLNET)
    controlnet_conditioning_scale: float = option(converter=number(0, 10), default=1.0)
    image: Array | None = option(converter=optional(as_picture), default=None)
    strength: float = option(converter=number(0, 1, above=True), default=1.0)

    def _pictures(self) -> list[tuple[str, Size]]:
        start = [] if self.image is None else [("image", shape(self.image))]
        return [("depth", shape(self.depth)), *start]

    def _check(self) -> None:
        Generation._check(self)
        strength_needs_image(self.strength, self.image)
        if self.depth.dtype == "uint8" and self.depth_range is not None:
            raise RequestError(
                "depth_range", "has no meaning for a depth picture", hint="leave it out, or give scene units"
            )


@value
class Inpaint(Generation):
    """Part of an image painted anew, or the image continued beyond its borders.

    image: (h, w, 3|4) uint8 or float32 in [0, 1].
    mask: (h, w) float32 in [0, 1], 1 = repaint; may be left out where `expand` says what is painted.
    strength: in (0, 1].
    fill: what lies under the mask at the start; object removal is `prompt=""` with "surroundings".
    feather: px over which old and new are blended.
    expand: px added at left, top, right, bottom (outpainting); what is added is repainted.
    """

    image: Array = option(converter=as_picture)
    mask: Array | None = option(converter=optional(as_mask), default=None)
    strength: float = option(converter=number(0, 1, above=True), default=1.0)
    fill: Fill = option(converter=choice(Fill), default=Fill.NOISE)
    feather: float = option(converter=number(0, 1024), default=0.0)
    expand: tuple[int, int, int, int] = option(converter=margins, default=(0, 0, 0, 0))

    def _pictures(self) -> list[tuple[str, Size]]:
        left, top, right, bottom = self.expand
        height, width = shape(self.image)
        return [("expand" if any(self.expand) else "image", (height + top + bottom, width + left + right))]

    def _check(self) -> None:
        if self.mask is None and not any(self.expand):
            hint = "mark what to repaint, or continue the picture beyond its borders with expand"
            raise RequestError("mask", "is missing", hint=hint)
        if self.mask is not None and shape(self.mask) != shape(self.image):
            (h, w), (height, width) = shape(self.mask), shape(self.image)
            raise RequestError("mask", f"is {w} x {h} px, but the image {width} x {height}", hint="make them equal")
        Generation._check(self)


@value
class Upscale(Generation):
    """A larger image with new detail, by image-to-image in tiles.

    image: (h, w, 3|4) uint8 or float32 in [0, 1].
    scale: 1 to 8; height and width times `scale` must be multiples of 8. `width` and `height` are those of the result.
    strength: how far details may change, in (0, 1].
    """

    image: Array = option(converter=as_picture)
    scale: float = option(converter=number(1, 8), default=2.0)
    strength: float = option(converter=number(0, 1, above=True), default=0.3)

    def _pictures(self) -> list[tuple[str, Size]]:
        height, width = (side * self.scale for side in shape(self.image))
        if height != round(height) or width != round(width):
            raise RequestError("scale", f"gives {width:g} x {height:g} px", hint="use a whole number")
        return [("scale", (round(height), round(width)))]


@value
class Adjust(Request):
    """Plain corrections of an image; no model is used.

    image: (h, w, 3|4) uint8 or float32 in [0, 1].
    exposure: stops, -10 to 10.
    contrast, saturation: factors, 0 to 10; 1 changes nothing.
    hue: degrees, -180 to 180.
    temperature: -1 (cooler) to 1 (warmer).
    match: picture of any size whose colours are taken over.
    """

    image: Array = option(converter=as_picture)
    exposure: float = option(converter=number(-10, 10), default=0.0)
    contrast: float = option(converter=number(0, 10), default=1.0)
    saturation: float = option(converter=number(0, 10), default=1.0)
    hue: float = option(converter=number(-180, 180), default=0.0)
    temperature: float = option(converter=number(-1, 1), default=0.0)
    match: Array | None = option(converter=optional(as_control), default=None)

    @property
    def size(self) -> Size:
        """(height, width) in px."""
        return shape(self.image)


@value
class Texture(Generation):
    """A tiling material: base colour and maps.

    maps: which maps the result holds.
    normal_convention: direction of the green channel of the normal map.
    estimator: folder or hub id of a Marigold checkpoint for the maps; None: by rule, from the picture alone.
    image: start picture; without it `strength` must be 1.
    """

    seamless: Seamless = option(converter=choice(Seamless), default=Seamless.XY)
    maps: tuple[TextureMap, ...] = option(converter=tuple_of(choice(TextureMap)), default=tuple(TextureMap))
    normal_convention: NormalConvention = option(converter=choice(NormalConvention), default=NormalConvention.OPENGL)
    estimator: str | None = option(converter=optional(path), default=None, role=Role.ESTIMATOR)
    image: Array | None = option(converter=optional(as_picture), default=None)
    strength: float = option(converter=number(0, 1, above=True), default=1.0)

    def _pictures(self) -> list[tuple[str, Size]]:
        return [] if self.image is None else [("image", shape(self.image))]

    def _check(self) -> None:
        Generation._check(self)
        only_one_image(self)
        strength_needs_image(self.strength, self.image)
        if len(set(self.maps)) != len(self.maps):
            raise RequestError("maps", "name a map twice", hint="name each once")
