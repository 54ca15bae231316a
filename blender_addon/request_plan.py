# SPDX-License-Identifier: GPL-3.0-or-later
"""From the settings of a scene to a request: pixels are copied on the main thread, all else is done in the job's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np

from sd_core.requests import Control, Generation, ImagePrompt, Lora, apply_style

from . import labels
from .fields import values_of
from .job import BlenderJob
from .scene.images import Grabbed, grab_image

COMMON = tuple(labels.GENERATION)
_CONTROL = tuple(labels.CONTROL)

Picture = Callable[[Grabbed], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPlan:
    """A request whose pictures are still as Blender holds them; `make` may run on any thread.

    values: fields of the request. pictures: those that are images, by field. controls: arguments of `Control` with
    pictures. image_prompt: picture and scale. pad: (right, bottom) px by which pictures are continued. surplus: (right, bottom)
    px that are made beyond what was asked for.
    """

    kind: type[Generation]
    values: Mapping[str, Any]
    style: str = ""
    pictures: dict[str, tuple[Grabbed, Picture]] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    controls: tuple[tuple[Mapping[str, Any], Grabbed], ...] = ()
    image_prompt: tuple[Grabbed, float] | None = None
    pad: tuple[int, int] = (0, 0)
    surplus: tuple[int, int] = (0, 0)

    def make(self, _: BlenderJob | None = None) -> Generation:
        """The request.

        Raises:
            RequestError: a value or a size is wrong.
        """
        pictures = {name: self._padded(convert(held)) for name, (held, convert) in self.pictures.items()}
        arrays = {name: self._padded(held) for name, held in self.arrays.items()}
        request = self.kind(**self.values, **pictures, **arrays, **self._adapters())
        strength = self.values.get("strength")
        if not self.style:
            return request
        styled = apply_style(self.style, request)
        # The strength is a setting of its own here.
        return styled if strength is None else type(styled)(**styled.changed_fields() | {"strength": strength})

    def cut(self, picture: np.ndarray, scale: float = 1.0) -> np.ndarray:
        """A result without what `pad` and `surplus` added."""
        right, bottom = (round((side + more) * scale) for side, more in zip(self.pad, self.surplus, strict=True))
        return picture[: picture.shape[0] - bottom, : picture.shape[1] - right]

    def _padded(self, picture: np.ndarray) -> np.ndarray:
        right, bottom = self.pad
        if not (right or bottom):
            return picture
        margins = ((0, bottom), (0, right)) + ((0, 0),) * (picture.ndim - 2)
        return np.pad(picture, margins, mode="edge")

    def _adapters(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.controls:
            pictures = [(held, self._padded(rgb(picture))) for held, picture in self.controls]
            found["controls"] = tuple(Control(image=picture, **held) for held, picture in pictures)
        if self.image_prompt is not None:
            found["image_prompt"] = ImagePrompt(rgb(self.image_prompt[0]), scale=self.image_prompt[1])
        return found


def rgb(grabbed: Grabbed) -> np.ndarray:
    """(h, w, 3) uint8; transparency is left out."""
    return np.ascontiguousarray(grabbed.for_request()[..., :3])


def grey(grabbed: Grabbed) -> np.ndarray:
    """(h, w) float32 in [0, 1]: the mean of the colours."""
    return grabbed.rgba()[..., :3].mean(axis=-1, dtype=np.float32)


def base_plan(settings: bpy.types.PropertyGroup, kind: type[Generation], **values: Any) -> RequestPlan:
    """The fields that every request has.

    Args:
        settings: `Scene.sd_core`.
        values: further fields, or others in their place.
    """
    common = values_of(settings, COMMON) | {"loras": loras_of(settings)} | values
    prompt = (
        (grab_image(settings.image_prompt), values_of(settings, ("image_prompt_scale",))["image_prompt_scale"])
        if settings.image_prompt
        else None
    )
    return RequestPlan(
        kind=kind,
        values=common,
        style="" if settings.style == "NONE" else settings.style,
        controls=tuple(
            (values_of(item, _CONTROL), grab_image(item.image)) for item in settings.controls if item.image is not None
        ),
        image_prompt=prompt,
    )


def loras_of(settings: bpy.types.PropertyGroup) -> tuple[Lora, ...]:
    """The LoRAs of the list that have a name."""
    return tuple(Lora(**values_of(item, tuple(labels.LORA))) for item in settings.loras if item.path)
