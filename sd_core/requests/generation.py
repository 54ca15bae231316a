"""The fields that every request for a generated image has."""

from __future__ import annotations

from ..errors import RequestError
from ..values import Array, Role, abstract_value, option
from ..values.checks import choice, instance, integer, name, number, optional, path, side, text, tuple_of
from .choices import Seamless, SeamlessMethod
from .parts import Control, ImagePrompt, Lora
from .request import Request, Size

MAX_SEED = 2**31 - 1


@abstract_value
class Generation(Request):
    """Common fields. `None` means the model's default; the result carries the request with every `None` filled in.

    prompt, negative_prompt: text; emphasis as `(word:1.3)`.
    width, height: px, multiples of 8. Where a picture fixes the size they may be left out, and must agree if given.
    num_inference_steps: 1 to 1000.
    guidance_scale: 0 to 100; 1 or less is unguided.
    scheduler: short name of a diffusers scheduler, such as "ddim" or "dpmpp_2m_karras".
    seed: 0 to 2**31 - 1. Image `i` of `num_images` is the one that `seed + i` gives alone.
    model: "builtin", a catalogue name, a hub id, a folder or a `.safetensors` file.
    loras, controls, image_prompt: see `Lora`, `Control`, `ImagePrompt`.
    seamless: axes along which the image tiles.
    seamless_method: "padding" tiles exactly; "rolling" nearly, in some 20 steps, at sizes and with networks that
        padding cannot serve.
    """

    prompt: str = option(converter=text)
    negative_prompt: str = option(converter=text, default="")
    width: int | None = option(converter=optional(side), default=None)
    height: int | None = option(converter=optional(side), default=None)
    num_inference_steps: int | None = option(converter=optional(integer(1, 1000)), default=None)
    guidance_scale: float | None = option(converter=optional(number(0, 100)), default=None)
    scheduler: str | None = option(converter=optional(name), default=None)
    seed: int | None = option(converter=optional(integer(0, MAX_SEED)), default=None)
    num_images: int = option(converter=integer(1, 1000), default=1)
    model: str | None = option(converter=optional(path), default=None, role=Role.MODEL)
    loras: tuple[Lora, ...] = option(converter=tuple_of(instance(Lora)), default=())
    controls: tuple[Control, ...] = option(converter=tuple_of(instance(Control)), default=())
    image_prompt: ImagePrompt | None = option(converter=optional(instance(ImagePrompt)), default=None)
    seamless: Seamless = option(converter=choice(Seamless), default=Seamless.NONE)
    seamless_method: SeamlessMethod = option(converter=choice(SeamlessMethod), default=SeamlessMethod.PADDING)

    @property
    def size(self) -> Size | None:
        """(height, width) of the result in px, where the request fixes both."""
        parts = self._sized_parts()
        if parts:
            return parts[0][1]
        return (self.height, self.width) if self.height is not None and self.width is not None else None

    def _pictures(self) -> list[tuple[str, Size]]:
        """Name and (height, width) of each thing that fixes the size; the first one rules."""
        return []

    def _sized_parts(self) -> list[tuple[str, Size]]:
        return self._pictures() + [(f"controls[{i}].image", shape(c.image)) for i, c in enumerate(self.controls)]

    def _check(self) -> None:
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
                field, f"gives {width} x {height} px, not multiples of 8", hint=f"resize the picture, say to {near}"
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


def only_one_image(request: Generation) -> None:
    """Raises `RequestError` for requests that have a single result."""
    if request.num_images != 1:
        raise RequestError(
            "num_images", f"must be 1 for {type(request).__name__}", hint="send one request for each seed"
        )


def strength_needs_image(strength: float, image: Array | None) -> None:
    """Raises `RequestError`: without a picture to start from there is only noise."""
    if image is None and strength != 1:
        raise RequestError(
            "strength", f"must be 1 without an image, got {strength:g}", hint="leave it out, or give an image"
        )
