"""Requests whose result is an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..error_codes import ErrorCode
from ..errors import RequestError
from ..passes import as_depth
from ..values import About, Array, Role, Scope, as_control, as_mask, as_picture, field, keyword_only
from ..values.checks import choice, depth_range, flag, margins, number, optional, path, tuple_of
from .choices import Fill, MapFormat, NormalConvention, Seamless, TextureMap
from .descriptions import (
    CONTROLNET,
    CONTROLNET_SCALE,
    DEPTH_RANGE,
    INVERT_HEIGHT,
    METALLIC,
    PICTURE,
    RELIEF,
    START_PICTURE,
    STRENGTH,
)
from .generation import ONE_IMAGE, Generation, shape, strength_needs_image
from .registry import Output, register
from .request import Request, Size


@register(command="txt2img", title="Text to Image", mode="Text", task="text_to_image")
@keyword_only
class TextToImage(Generation):
    """An image from text alone.

    Examples:
        >>> request = TextToImage(prompt="red brick wall", seed=7, width=256, height=128)
        >>> request.width, request.num_inference_steps
        (256, None)
        >>> TextToImage(prompt="red brick wall", width=250)
        Traceback (most recent call last):
        sd_core.errors.RequestError: width: must be a multiple of 8, got 250; use 248 or 256
    """


@register(command="img2img", title="Image to Image", mode="Image", task="image_to_image")
@keyword_only
class ImageToImage(Generation):
    """An image from another one (SDEdit, arXiv:2108.01073); its alpha is kept and given back.

    Examples:
        >>> picture = np.zeros((64, 96, 3), np.uint8)
        >>> ImageToImage(prompt="old brick wall", image=picture, strength=0.5).image.shape
        (64, 96, 3)
    """

    image: Array = field(about=PICTURE, converter=as_picture)
    strength: float = field(about=STRENGTH, converter=number(0, 1, above=True), default=0.75)

    def _size_sources(self) -> list[tuple[str, Size]]:
        return [("image", shape(self.image))]


@register(command="depth2img", title="Depth to Image", mode="Depth", task="depth_to_image")
@keyword_only
class DepthToImage(Generation):
    """An image with the depth of a scene, by a depth ControlNet or T2I-Adapter, or an SD2-depth model.

    Examples:
        >>> depth = np.full((64, 96), 5, np.float32)
        >>> depth[:8] = np.inf  # background
        >>> DepthToImage(prompt="grey gravel", depth=depth, depth_range=(3, 9)).depth_range
        (3.0, 9.0)
    """

    depth: Array = field(
        role=Role.ARRAY,
        about=About(
            label="Depth",
            help="Depth of the scene as an array or file (.exr, .npy, .npz) in scene units, or a grey picture where near is white",
            basic=True,
            preset=False,
            scope=Scope.WHOLE,
            metavar="FILE",
        ),
        converter=as_depth,
    )
    depth_range: tuple[float, float] | None = field(about=DEPTH_RANGE, converter=optional(depth_range), default=None)
    controlnet: str | None = field(about=CONTROLNET, converter=optional(path), default=None, role=Role.CONTROLNET)
    controlnet_conditioning_scale: float = field(about=CONTROLNET_SCALE, converter=number(0, 10), default=1.0)
    image: Array | None = field(about=START_PICTURE, converter=optional(as_picture), default=None)
    strength: float = field(about=STRENGTH, converter=number(0, 1, above=True), default=1.0)

    def _size_sources(self) -> list[tuple[str, Size]]:
        start = [] if self.image is None else [("image", shape(self.image))]
        return [("depth", shape(self.depth)), *start]

    def _check(self) -> None:
        Generation._check(self)
        strength_needs_image(self.strength, self.image)
        if self.depth.dtype == "uint8" and self.depth_range is not None:
            raise RequestError(
                "depth_range", "has no meaning for a depth picture", hint="leave it out, or give scene units"
            )


@register(command="inpaint", title="Inpaint", mode="Inpaint", task="inpaint")
@keyword_only
class Inpaint(Generation):
    """Repaint part of an image, or continue the image beyond its borders.

    Examples:
        >>> picture = np.zeros((64, 96, 3), np.uint8)
        >>> mask = np.zeros((64, 96), np.float32)
        >>> mask[16:32, 16:32] = 1  # repainted
        >>> Inpaint(prompt="", image=picture, mask=mask, fill="surroundings").fill
        <Fill.SURROUNDINGS: 'surroundings'>
    """

    image: Array = field(about=PICTURE, converter=as_picture)
    mask: Array | None = field(
        about=About(
            label="Mask",
            help="Picture of the same size, white where to repaint",
            unset="nothing within the picture",
            basic=True,
            preset=False,
            scope=Scope.WHOLE,
            metavar="FILE",
        ),
        converter=optional(as_mask),
        default=None,
    )
    strength: float = field(about=STRENGTH, converter=number(0, 1, above=True), default=1.0)
    fill: Fill = field(
        about=About(
            label="Fill",
            help="What fills the masked area first; surroundings with an empty prompt and strength 1 removes an object,"
            " without the model",
        ),
        converter=choice(Fill),
        default=Fill.NOISE,
    )
    feather: float = field(
        about=About(label="Feather", help="Width of the blend at the edge of the mask", unit="px", basic=True),
        converter=number(0, 1024),
        default=0.0,
    )
    expand: tuple[int, int, int, int] = field(
        about=About(
            label="Expand",
            help="Margins that are added at the left, top, right and bottom, and painted",
            unit="px",
            preset=False,
            metavar="LEFT TOP RIGHT BOTTOM",
        ),
        converter=margins,
        default=(0, 0, 0, 0),
    )

    def _size_sources(self) -> list[tuple[str, Size]]:
        left, top, right, bottom = self.expand
        height, width = shape(self.image)
        return [("expand" if any(self.expand) else "image", (height + top + bottom, width + left + right))]

    def _check(self) -> None:
        if self.mask is None and not any(self.expand):
            hint = "mark what to repaint, or continue the picture beyond its borders with expand"
            raise RequestError("mask", "is missing", hint=hint, code=ErrorCode.MASK_UNUSABLE)
        if self.mask is not None and shape(self.mask) != shape(self.image):
            (h, w), (height, width) = shape(self.mask), shape(self.image)
            raise RequestError(
                "mask",
                f"is {w} x {h} px, but the image {width} x {height}",
                hint="make them equal",
                code=ErrorCode.MASK_UNUSABLE,
            )
        Generation._check(self)


@register(command="upscale", title="Upscale", mode="Upscale", task="upscale")
@keyword_only
class Upscale(Generation):
    """A larger image with new detail, by image-to-image in tiles.

    Height and width times `scale` must be multiples of 8; `width` and `height` are those of the result.

    Examples:
        >>> Upscale(prompt="red brick wall", image=np.zeros((64, 96, 3), np.uint8), scale=2).scale
        2.0
    """

    image: Array = field(about=PICTURE, converter=as_picture)
    scale: float = field(
        about=About(label="Scale", help="How many times larger the picture becomes", basic=True),
        converter=number(1, 8),
        default=2.0,
    )
    strength: float = field(about=STRENGTH, converter=number(0, 1, above=True), default=0.3)

    def _size_sources(self) -> list[tuple[str, Size]]:
        height, width = (side * self.scale for side in shape(self.image))
        if height != round(height) or width != round(width):
            raise RequestError("scale", f"gives {width:g} x {height:g} px", hint="use a whole number")
        return [("scale", (round(height), round(width)))]


@register(command="adjust", title="Adjust", mode="Adjust", task="adjust", uses_model=False)
@keyword_only
class Adjust(Request):
    """Plain corrections of an image; no model is used.

    Examples:
        >>> Adjust(image=np.zeros((64, 96, 3), np.uint8), exposure=0.5, temperature=0.3).exposure
        0.5
    """

    image: Array = field(about=PICTURE, converter=as_picture)
    exposure: float = field(
        about=About(label="Exposure", help="Brightness: each stop doubles the light", unit="stops", basic=True),
        converter=number(-10, 10),
        default=0.0,
    )
    contrast: float = field(
        about=About(label="Contrast", help="Factor of the contrast; 1 changes nothing", basic=True),
        converter=number(0, 10),
        default=1.0,
    )
    saturation: float = field(
        about=About(label="Saturation", help="Factor of the saturation; 0 is grey, 1 changes nothing", basic=True),
        converter=number(0, 10),
        default=1.0,
    )
    hue: float = field(
        about=About(label="Hue", help="Rotation of all hues", unit="degrees"), converter=number(-180, 180), default=0.0
    )
    temperature: float = field(
        about=About(label="Temperature", help="-1 is cooler, 1 is warmer"), converter=number(-1, 1), default=0.0
    )
    match: Array | None = field(
        about=About(
            label="Match",
            help="Picture of any size whose colours are taken over",
            unset="none",
            preset=False,
            metavar="FILE",
        ),
        converter=optional(as_control),
        default=None,
    )

    @property
    def size(self) -> Size:
        """(height, width) in px."""
        return shape(self.image)


@register(command="texture", title="Texture", mode="Texture", task="texture", output=Output.MATERIAL)
@keyword_only
class Texture(Generation):
    """A tiling material: base colour and maps.

    Examples:
        >>> Texture(prompt="blue tiles", maps=("base_color", "normal"), width=256, height=256).seamless
        <Seamless.XY: 'xy'>
    """

    unused: ClassVar[Mapping[str, str]] = ONE_IMAGE

    seamless: Seamless = field(
        about=About(label="Seamless", help="Axes along which the texture repeats without a seam"),
        converter=choice(Seamless),
        default=Seamless.XY,
    )
    maps: tuple[TextureMap, ...] = field(
        about=About(label="Maps", help="Maps of the material that are made"),
        converter=tuple_of(choice(TextureMap)),
        default=tuple(TextureMap),
    )
    normal_convention: NormalConvention = field(
        about=About(
            label="Normal Convention",
            help="Direction of green in the normal map of the result; files are written of both",
        ),
        converter=choice(NormalConvention),
        default=NormalConvention.OPENGL,
    )
    estimator: str | None = field(
        about=About(
            label="Map Estimator",
            help="builtin, rule (brightness is height), or a Marigold checkpoint: a folder or a Hugging Face id",
            unset="builtin, the network in the package",
        ),
        converter=optional(path),
        default=None,
        role=Role.ESTIMATOR,
    )
    map_format: MapFormat = field(
        about=About(label="Map Format", help="Files of the maps: PNG of 16 bit, or half-float EXR as well"),
        converter=choice(MapFormat),
        default=MapFormat.PNG,
    )
    relief: float | None = field(about=RELIEF, converter=optional(number(0, 10)), default=None)
    invert_height: bool | None = field(about=INVERT_HEIGHT, converter=optional(flag), default=None)
    metallic: float | None = field(about=METALLIC, converter=optional(number(0, 1)), default=None)
    image: Array | None = field(about=START_PICTURE, converter=optional(as_picture), default=None)
    strength: float = field(about=STRENGTH, converter=number(0, 1, above=True), default=1.0)

    def _size_sources(self) -> list[tuple[str, Size]]:
        return [] if self.image is None else [("image", shape(self.image))]

    def _check(self) -> None:
        Generation._check(self)
        strength_needs_image(self.strength, self.image)
        if len(set(self.maps)) != len(self.maps):
            raise RequestError("maps", "name a map twice", hint="name each once")
