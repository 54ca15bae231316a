"""Presets: values for a few fields under one name, and the named styles."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sd_core.errors import RequestError
from sd_core.requests import Generation, Request, apply_style, replace, styles

from .fields import field_specs

BUILT_IN: Mapping[str, Mapping[str, Any]] = MappingProxyType(
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


def preset_names(own: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """All presets in the order in which they are offered; the user's first."""
    return [*own, *BUILT_IN, *(f"{_STYLE}{name}" for name in styles())]


def apply_preset(name: str, request: Request, own: Mapping[str, Mapping[str, Any]]) -> Request:
    """The request with a preset's values; fields that its kind does not have are left out.

    Raises:
        RequestError: there is no such preset, or a value does not suit this request.
    """
    if name.startswith(_STYLE) and isinstance(request, Generation):
        return apply_style(name.removeprefix(_STYLE), request)
    values = own.get(name, BUILT_IN.get(name))
    if values is None:
        raise RequestError("preset", f"there is no preset {name!r}", hint="choose one of the list")
    known = {spec.name for spec in field_specs(type(request))}
    return replace(request, **{field: value for field, value in values.items() if field in known})
