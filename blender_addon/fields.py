# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender properties made from the fields of requests: the same names, ranges and defaults; and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)

from sd_core.values import Value
from sd_core.values.checks import choice, integer, margins, number, optional, side

_LABELS = {"xy": "X and Y", "mlsd": "MLSD", "openpose": "OpenPose", "softedge": "Soft Edge", "lineart": "Line Art"}

USE = "use_"
"""Begins the name of the switch beside a value that may be None, "the model's default"."""


def request_properties(
    kind: type[Value],
    words: Mapping[str, tuple[str, str]],
    defaults: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Annotations of a PropertyGroup: one for each field in `words`, and a switch for each that may be None.

    Args:
        kind: a request or a part of one.
        words: label and tooltip by field.
        defaults: where the request's own default is None or missing.
        options: further arguments of Blender's property by field.
    """
    specs = {spec.name: spec for spec in fields(kind)}  # type: ignore[arg-type]
    found: dict[str, Any] = {}
    for name, (label, about) in words.items():
        spec, settings = specs[name], dict((options or {}).get(name, {}))
        if (defaults or {}).get(name) is not None:
            settings["default"] = (defaults or {})[name]
        if isinstance(spec.metadata["converter"], optional):
            switch = f"Set the {label.lower()}; otherwise the model's default is used"
            found[USE + name] = BoolProperty(name=label, description=switch, default=False)
        found[name] = _property(spec, name=label, description=about, **settings)
    return found


def image_property(name: str, about: str) -> Any:
    """An image datablock."""
    return PointerProperty(name=name, description=about, type=bpy.types.Image)


def weight_property(name: str, about: str, *, default: float = 1.0, most: float = 2.0) -> Any:
    """How strongly a control acts: 0 not at all."""
    return FloatProperty(
        name=name, description=about, min=0, max=most, soft_max=min(most, 2), default=default, subtype="FACTOR"
    )


def values_of(group: bpy.types.PropertyGroup, names: Sequence[str]) -> dict[str, Any]:
    """Arguments of a request from a PropertyGroup; None where the switch of a value is off, or a text is empty."""
    return {name: _value(group, name) for name in names}


def set_values(group: bpy.types.PropertyGroup, values: Mapping[str, Any]) -> None:
    """Write the fields of a request into a PropertyGroup; those that it does not have are left out."""
    known = group.bl_rna.properties
    for name, value in values.items():
        if name not in known:
            continue
        if USE + name in known:
            setattr(group, USE + name, value is not None)
        if value is not None:
            setattr(group, name, str(value) if isinstance(value, StrEnum) else value)
        elif known[name].type == "STRING":
            setattr(group, name, "")


def choice_label(name: str) -> str:
    """A member of a closed choice, for people."""
    return _LABELS.get(name, name.replace("_", " ").title())


def _value(group: bpy.types.PropertyGroup, name: str) -> Any:
    if not getattr(group, USE + name, True):
        return None
    value = getattr(group, name)
    if isinstance(value, float):
        # Blender keeps 0.3 as 0.30000001192092896, which is another request.
        return round(value, 6)
    if isinstance(value, bpy.types.bpy_prop_array):
        return tuple(value)
    # Names of models and files: nothing chosen is the default.
    return None if value == "" and name not in ("prompt", "negative_prompt") else value


def _property(spec: Field[Any], **settings: Any) -> Any:
    convert = spec.metadata["converter"]
    while isinstance(convert, optional):
        convert = convert.convert
    if spec.default is not MISSING and spec.default is not None:
        settings.setdefault("default", spec.default)
    make, extra = _kind(convert)
    if make is EnumProperty:
        settings["default"] = str(settings["default"])
    return make(**extra, **settings)


def _kind(convert: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Blender's property for a converter, with its range."""
    if convert is side:
        return IntProperty, {"min": 8, "max": 16384, "soft_min": 64, "soft_max": 2048, "step": 8, "subtype": "PIXEL"}
    if convert is margins:
        return IntVectorProperty, {"size": 4, "min": 0, "max": 16384, "soft_max": 1024}
    if isinstance(convert, integer):
        return IntProperty, {"min": convert.low, "max": convert.high}
    if isinstance(convert, number):
        smallest = convert.low + 0.01 if convert.above else convert.low
        return FloatProperty, {"min": smallest, "max": convert.high, "step": 5, "precision": 2}
    if isinstance(convert, choice):
        return EnumProperty, {"items": [(str(member), choice_label(str(member)), "") for member in convert.kind]}
    return StringProperty, {}
