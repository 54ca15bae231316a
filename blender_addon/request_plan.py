# SPDX-License-Identifier: GPL-3.0-or-later
"""From the settings of a scene to a request: pixels are copied on the main thread, all else is done in the job's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np

from sd_core.errors import RequestError
from sd_core.requests import Control, Generation, ImagePrompt, Lora, apply_style

from .fields import values_of
from .job import BlenderJob
from .request_fields import COMMON, CONTROL, IMAGE_PROMPT, LORA
from .scene.images import ImagePixels, image_size, read_pixels
from .scene.passes.framing import Framing

PixelConverter = Callable[[ImagePixels], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPlan:
    """A request whose pictures are still as Blender holds them; `make_request` may run on any thread.

    Attributes:
        values: fields of the request; its `controls` come before those of the list.
        pictures: those fields that are images.
        controls: arguments of `Control` with pictures.
        image_prompt: arguments of `ImagePrompt` with the picture.
        framing: how control pictures of the size of a render lie in what the model makes; None: they are padded as the others.
        pad: (right, bottom) px by which pictures are continued.
        extra_border: (right, bottom) px that are made beyond what was asked for.
    """

    kind: type[Generation]
    values: Mapping[str, Any]
    style: str = ""
    pictures: dict[str, tuple[ImagePixels, PixelConverter]] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    controls: tuple[tuple[Mapping[str, Any], ImagePixels], ...] = ()
    image_prompt: tuple[Mapping[str, Any], ImagePixels] | None = None
    framing: Framing | None = None
    pad: tuple[int, int] = (0, 0)
    extra_border: tuple[int, int] = (0, 0)

    def make_request(self, _: BlenderJob | None = None) -> Generation:
        """The request.

        Raises:
            RequestError: a value or a size is wrong.
        """
        pictures = {name: self._pad_picture(convert(pixels)) for name, (pixels, convert) in self.pictures.items()}
        arrays = {name: self._pad_picture(pixels) for name, pixels in self.arrays.items()}
        request = self.kind(**{**self.values, **pictures, **arrays, **self._adapters()})
        strength = self.values.get("strength")
        if not self.style:
            return request
        styled = apply_style(self.style, request)
        # The strength is a setting of its own here.
        return styled if strength is None else type(styled)(**styled.changed_fields() | {"strength": strength})

    def crop(self, picture: np.ndarray, scale: float = 1.0) -> np.ndarray:
        """A result without what `pad` and `extra_border` added."""
        right, bottom = (round((side + more) * scale) for side, more in zip(self.pad, self.extra_border, strict=True))
        return picture[: picture.shape[0] - bottom, : picture.shape[1] - right]

    def _pad_picture(self, picture: np.ndarray) -> np.ndarray:
        right, bottom = self.pad
        if not (right or bottom):
            return picture
        margins = ((0, bottom), (0, right)) + ((0, 0),) * (picture.ndim - 2)
        return np.pad(picture, margins, mode="edge")

    def _adapters(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.controls:
            pad = self._pad_picture if self.framing is None else self.framing.pad
            listed = (Control(image=pad(rgb(picture)), **given) for given, picture in self.controls)
            found["controls"] = (*self.values.get("controls", ()), *listed)
        if self.image_prompt is not None:
            given, picture = self.image_prompt
            found["image_prompt"] = ImagePrompt(rgb(picture), **given)
        return found


def rgb(pixels: ImagePixels) -> np.ndarray:
    """(h, w, 3) uint8; transparency is left out."""
    return np.ascontiguousarray(pixels.to_uint8()[..., :3])


def grey(pixels: ImagePixels) -> np.ndarray:
    """(h, w) float32 in [0, 1]: the mean of the colours."""
    return pixels.rgba()[..., :3].mean(axis=-1, dtype=np.float32)


def base_plan(settings: bpy.types.PropertyGroup, kind: type[Generation], **values: Any) -> RequestPlan:
    """The fields that every request has, without those that this kind has no use for.

    Args:
        settings: `Scene.sd_core`.
        values: further fields, or others in their place.
    """
    used = {name: spec for name, spec in COMMON.items() if name not in kind.unused}
    return RequestPlan(
        kind=kind,
        values=values_of(settings, used) | {"loras": loras_of(settings)} | values,
        style="" if settings.style == "NONE" else settings.style,
        controls=() if "controls" in kind.unused else _controls_of(settings),
        image_prompt=_image_prompt_of(settings),
    )


def check_control_sizes(settings: bpy.types.PropertyGroup, size: tuple[int, int]) -> None:
    """Refuse control pictures that are not of the size of a render.

    Args:
        settings: `Scene.sd_core`.
        size: (height, width) px of the render.

    Raises:
        RequestError: one is not; names it.
    """
    for index, item in enumerate(settings.controls):
        if item.image is None or image_size(item.image) == size:
            continue
        (height, width), (needed_height, needed_width) = image_size(item.image), size
        what = f"{item.image.name!r} is {width} x {height} px, but the render {needed_width} x {needed_height}"
        hint = "choose a control picture of the size of the render, or remove this ControlNet from the list"
        raise RequestError(f"controls[{index}].image", what, hint=hint)


def _controls_of(settings: bpy.types.PropertyGroup) -> tuple[tuple[Mapping[str, Any], ImagePixels], ...]:
    chosen = (item for item in settings.controls if item.image is not None)
    return tuple((values_of(item, CONTROL), read_pixels(item.image)) for item in chosen)


def _image_prompt_of(settings: bpy.types.PropertyGroup) -> tuple[Mapping[str, Any], ImagePixels] | None:
    if settings.image_prompt is None:
        return None
    return values_of(settings, IMAGE_PROMPT), read_pixels(settings.image_prompt)


def loras_of(settings: bpy.types.PropertyGroup) -> tuple[Lora, ...]:
    """The LoRAs of the list that have a name."""
    return tuple(Lora(**values_of(item, LORA)) for item in settings.loras if item.path)
