"""Presets: values for some fields under one name, and the named styles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from sd_core.errors import RequestError
from sd_core.requests import Generation, Request, apply_style, replace, styles

from .fields import SIZES, field_specs

Values = Mapping[str, Any]
"""Values by field."""

BUILT_IN: Mapping[str, Values] = MappingProxyType(
    {
        "Draft: 8 steps": {"num_inference_steps": 8},
        "Final: 40 steps": {"num_inference_steps": 40},
        "Four variations": {"num_images": 4, "seed": None},
        "Seamless": {"seamless": "xy"},
        "The model's defaults": {
            "width": None, "height": None, "num_inference_steps": None, "guidance_scale": None, "scheduler": None,
        },
    }
)  # fmt: skip

_STYLE = "Style: "
_OF_ONE_IMAGE = frozenset(
    {
        "prompt", "negative_prompt", "seed", "image", "mask", "match", "depth", "depth_range", "controls", "image_prompt",
        "expand", "passes", "keyframes", "mesh", "views",
    }
)  # fmt: skip
"""Fields that no preset takes from a request."""


def settings_of(request: Request) -> Values:
    """What a preset keeps of a request: all that belongs to no single image, also where it is at its default."""
    names = [spec.name for spec in field_specs(type(request)) if spec.name not in _OF_ONE_IMAGE]
    return {name: getattr(request, name) for name in names}


def preset_names(own: Iterable[str]) -> list[str]:
    """All presets in the order in which they are offered; the user's first."""
    return [*own, *BUILT_IN, *(f"{_STYLE}{name}" for name in styles())]


def apply_preset(name: str, request: Request, own: Mapping[str, Values]) -> Request:
    """The request with a preset's values; without fields that its kind does not have, and a size that its picture fixes.

    Raises:
        RequestError: there is no such preset, or a value does not suit this request.
    """
    if name.startswith(_STYLE) and isinstance(request, Generation):
        return apply_style(name.removeprefix(_STYLE), request)
    values = own[name] if name in own else BUILT_IN.get(name)
    if values is None:
        raise RequestError("preset", f"there is no preset {name!r}", hint="choose one of the list")
    known = {spec.name for spec in field_specs(type(request))} - _fixed(request)
    return replace(request, **{field: value for field, value in values.items() if field in known})


def _fixed(request: Request) -> frozenset[str]:
    """The fields of a size that the request gets from its pictures."""
    if not isinstance(request, Generation):
        return frozenset()
    return SIZES if replace(request, width=None, height=None).size is not None else frozenset()
