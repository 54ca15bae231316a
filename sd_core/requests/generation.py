"""The fields that every request for a generated image has."""

from __future__ import annotations

from ..error_codes import ErrorCode
from ..errors import RequestError
from ..values import About, Array, Role, Scope, abstract, field, field_specs
from ..values.checks import choice, instance, integer, name, number, optional, path, side, text, tuple_of
from .choices import Seamless, SeamlessMethod
from .descriptions import MODEL_DEFAULT, SIZE_DEFAULT
from .parts import Control, ImagePrompt, Lora
from .request import Request, Size

MAX_SEED = 2**31 - 1


@abstract
class Generation(Request):
    """Common fields. `None` means the model's default; the result carries the request with every `None` filled in."""

    prompt: str = field(
        about=About(
            label="Prompt", help="What the picture shows; emphasis as (word:1.3)", basic=True, preset=False, position=1
        ),
        converter=text,
    )
    negative_prompt: str = field(
        about=About(label="Negative Prompt", help="What the picture should not show", basic=True, preset=False),
        converter=text,
        default="",
    )
    width: int | None = field(
        about=About(
            label="Width",
            help="Width of the picture, a multiple of 8",
            unit="px",
            unset=SIZE_DEFAULT,
            basic=True,
            scope=Scope.WHOLE,
        ),
        converter=optional(side),
        default=None,
    )
    height: int | None = field(
        about=About(
            label="Height",
            help="Height of the picture, a multiple of 8",
            unit="px",
            unset=SIZE_DEFAULT,
            basic=True,
            scope=Scope.WHOLE,
        ),
        converter=optional(side),
        default=None,
    )
    num_inference_steps: int | None = field(
        about=About(
            label="Steps",
            help="Denoising steps: more take longer and give finer detail",
            unset=MODEL_DEFAULT,
            basic=True,
        ),
        converter=optional(integer(1, 1000)),
        default=None,
    )
    guidance_scale: float | None = field(
        about=About(
            label="Guidance",
            help="How closely the picture follows the prompt; 1 or less: no guidance, twice as fast",
            unset=MODEL_DEFAULT,
            basic=True,
        ),
        converter=optional(number(0, 100)),
        default=None,
    )
    scheduler: str | None = field(
        about=About(
            label="Scheduler", help="Method of denoising, such as ddim, euler or dpmpp_2m_karras", unset=MODEL_DEFAULT
        ),
        converter=optional(name),
        default=None,
    )
    seed: int | None = field(
        about=About(
            label="Seed",
            help="The same seed and settings give the same picture",
            unset="a random seed, which the result tells",
            basic=True,
            preset=False,
        ),
        converter=optional(integer(0, MAX_SEED)),
        default=None,
    )
    num_images: int = field(
        about=About(label="Images", help="How many pictures to make, each from the next seed", scope=Scope.WHOLE),
        converter=integer(1, 1000),
        default=1,
    )
    model: str | None = field(
        about=About(
            label="Model",
            help="Model by name, Hugging Face id, folder or .safetensors file",
            unset="default of the engine",
        ),
        converter=optional(path),
        default=None,
        role=Role.MODEL,
    )
    loras: tuple[Lora, ...] = field(
        about=About(label="LoRAs", help="LoRA weights that change the style or add a subject"),
        converter=tuple_of(instance(Lora)),
        default=(),
    )
    controls: tuple[Control, ...] = field(
        about=About(
            label="ControlNets",
            help="ControlNets or T2I-Adapters, each with its finished control picture",
            preset=False,
        ),
        converter=tuple_of(instance(Control)),
        default=(),
    )
    image_prompt: ImagePrompt | None = field(
        about=About(
            label="Image Prompt",
            help="Reference picture for content and style (IP-Adapter)",
            unset="none",
            preset=False,
        ),
        converter=optional(instance(ImagePrompt)),
        default=None,
    )
    seamless: Seamless = field(
        about=About(label="Seamless", help="Axes along which the picture repeats without a seam"),
        converter=choice(Seamless),
        default=Seamless.NONE,
    )
    seamless_method: SeamlessMethod = field(
        about=About(label="Seamless Method", help="padding repeats exactly; rolling nearly, at any size"),
        converter=choice(SeamlessMethod),
        default=SeamlessMethod.PADDING,
    )

    @property
    def size(self) -> Size | None:
        """(height, width) of the result in px, where the request fixes both."""
        parts = self._sized_parts()
        if parts:
            return parts[0][1]
        return (self.height, self.width) if self.height is not None and self.width is not None else None

    def _size_sources(self) -> list[tuple[str, Size]]:
        """Name and (height, width) of each thing that fixes the size; the first one rules."""
        return []

    def _sized_parts(self) -> list[tuple[str, Size]]:
        return self._size_sources() + [(f"controls[{i}].image", shape(c.image)) for i, c in enumerate(self.controls)]

    def _check_unused(self) -> None:
        """Raises `RequestError` for a field that this kind has no use for, and that is not at its default."""
        changed = self.changed_fields()
        for name_, hint in self.unused.items():
            if name_ in changed:
                default = field_specs(type(self))[name_].default
                shown = repr(str(default)) if isinstance(default, str) else repr(default)
                raise RequestError(
                    name_, f"must be {shown} for {type(self).__name__}", hint=hint, code=ErrorCode.UNUSED_FIELD
                )

    def _check(self) -> None:
        self._check_unused()
        if self.seed is not None and self.seed + self.num_images - 1 > MAX_SEED:
            raise RequestError("seed", f"seed + num_images - 1 must be at most {MAX_SEED}", hint="use a smaller seed")
        self._check_sizes(self._sized_parts())

    def _check_sizes(self, parts: list[tuple[str, Size]]) -> None:
        if not parts:
            return
        field, (height, width) = parts[0]
        if height % 8 or width % 8:
            near = f"{max(width // 8 * 8, 8)} x {max(height // 8 * 8, 8)}"
            raise RequestError(
                field,
                f"gives {width} x {height} px, not multiples of 8",
                hint=f"resize the picture, say to {near}",
                code=ErrorCode.SIZE_NOT_MULTIPLE_OF_8,
            )
        for name_, given, needed in (("width", self.width, width), ("height", self.height, height)):
            if given is not None and given != needed:
                raise RequestError(
                    name_, f"is {given}, but {field} gives {needed}", hint=f"leave it out, or resize {field}"
                )
        for other, (h, w) in parts:
            if (h, w) != (height, width):
                raise RequestError(
                    other, f"is {w} x {h} px, but {field} gives {width} x {height}", hint="make them equal"
                )


def shape(array: Array) -> Size:
    """(height, width) of a picture."""
    return array.shape[0], array.shape[1]


ONE_IMAGE = {"num_images": "send one request for each seed"}
"""`Generation.unused` of requests that have a single result."""


def strength_needs_image(strength: float, image: Array | None) -> None:
    """Raises `RequestError`: without a picture to start from there is only noise."""
    if image is None and strength != 1:
        raise RequestError(
            "strength", f"must be 1 without an image, got {strength:g}", hint="leave it out, or give an image"
        )
