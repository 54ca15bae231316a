# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender properties made from the fields of requests: the same labels, help, ranges and defaults; and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)

from sd_core.requests import Control, Generation, Request
from sd_core.values import FieldSpec, Role, Value, field_specs
from sd_core.values.checks import choice, depth_range, integer, margins, number, side
from sd_core.values.choice_labels import choice_label

SWITCH_PREFIX = "use_"
"""Begins the name of the switch of a value that may be None."""

WEIGHT: Mapping[str, Any] = MappingProxyType({"soft_max": 2, "subtype": "FACTOR"})
"""Options of a property that says how strongly something acts; more than 2 must be typed."""

Properties = Mapping[str, FieldSpec]
"""The field that a property stands for, by the name of the property."""


def property_fields(
    kind: type[Value], *, prefix: str = "", names: Mapping[str, str] | None = None, without: Iterable[str] = ()
) -> Properties:
    """The fields of a request or a part that become properties: all but arrays, parts and files.

    Args:
        kind: a request or a part of one.
        prefix: begins the names of the properties.
        names: other names of properties, by field.
        without: fields that Blender decides itself.
    """
    renamed, left_out = names or {}, frozenset(without)
    return MappingProxyType(
        {
            renamed.get(name, f"{prefix}{name}"): spec
            for name, spec in field_specs(kind).items()
            if spec.role not in (Role.ARRAY, Role.PART, Role.FILE) and name not in left_out
        }
    )


def added_fields(
    kind: type[Request], *, prefix: str = "", names: Mapping[str, str] | None = None, without: Iterable[str] = ()
) -> Properties:
    """As `property_fields`, without those that every request for a picture has."""
    return property_fields(kind, prefix=prefix, names=names, without=(*field_specs(Generation), *without))


def property_names(specs: Properties) -> list[str]:
    """The properties for these fields, with their switches."""
    switched = ((SWITCH_PREFIX + name, name) if spec.optional else (name,) for name, spec in specs.items())
    return [name for pair in switched for name in pair]


def request_properties(
    specs: Properties,
    defaults: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Annotations of a PropertyGroup: one for each field, and a switch for each that may be None.

    Args:
        specs: as `property_fields` gives them.
        defaults: by property, where Blender's differs, or the request's is None or missing.
        options: further arguments of Blender's property, by property.
    """
    found: dict[str, Any] = {}
    for name, spec in specs.items():
        settings = dict((options or {}).get(name, {}))
        if name in (defaults or {}):
            settings["default"] = (defaults or {})[name]
        if spec.optional:
            about = f"Use this value; off: {spec.about.unset}"
            found[SWITCH_PREFIX + name] = BoolProperty(name=spec.label, description=about, default=False)
        found[name] = _property(spec, settings)
    return found


def image_property(name: str, about: str) -> Any:
    """An image datablock."""
    return PointerProperty(name=name, description=about, type=bpy.types.Image)


def weight_property(name: str, about: str, *, default: float = 1.0) -> Any:
    """How strongly a control acts, with the range of `Control.scale`."""
    return _property(field_specs(Control)["scale"], {"name": name, "description": about, "default": default, **WEIGHT})


def tooltip(spec: FieldSpec) -> str:
    """Help with the unit, and what an empty text stands for."""
    unit = f" ({spec.about.unit})" if spec.about.unit else ""
    empty = f"; empty: {spec.about.unset}" if spec.optional and _is_text(spec) else ""
    return f"{spec.about.help[0].upper()}{spec.about.help[1:]}{unit}{empty}"


def values_of(group: bpy.types.PropertyGroup, specs: Properties) -> dict[str, Any]:
    """Arguments of a request from a PropertyGroup, by field; None where a switch is off, or an optional text is empty."""
    return {spec.name: _value(group, name, spec) for name, spec in specs.items()}


def set_values(group: bpy.types.PropertyGroup, values: Mapping[str, Any]) -> None:
    """Write the fields of a request into a PropertyGroup; those that it does not have are left out."""
    known = group.bl_rna.properties
    for name, value in values.items():
        if name not in known:
            continue
        if SWITCH_PREFIX + name in known:
            setattr(group, SWITCH_PREFIX + name, value is not None)
        if value is not None:
            setattr(group, name, str(value) if isinstance(value, StrEnum) else value)
        elif known[name].type == "STRING":
            setattr(group, name, "")


def exact(value: float) -> float:
    """The number that was typed: Blender keeps 0.3 as 0.30000001192092896, which is another request."""
    return round(value, 6)


def _value(group: bpy.types.PropertyGroup, name: str, spec: FieldSpec) -> Any:
    if spec.optional and not getattr(group, SWITCH_PREFIX + name):
        return None
    value = getattr(group, name)
    if isinstance(value, float):
        return exact(value)
    if isinstance(value, bpy.types.bpy_prop_array):
        return tuple(exact(item) if isinstance(item, float) else item for item in value)
    if isinstance(value, set):  # in the order of the choices
        return tuple(member for member in spec.item.kind if member in value)
    return None if value == "" and spec.optional else value


def _is_text(spec: FieldSpec) -> bool:
    return spec.role is Role.TEXT or spec.role.is_outside


def _property(spec: FieldSpec, settings: Mapping[str, Any]) -> Any:
    make, extra = _property_type(spec)
    given = {"name": spec.label, "description": tooltip(spec), **extra, **settings}
    if not spec.is_required and spec.default is not None:
        given.setdefault("default", spec.default)
    if make is EnumProperty and "default" in given:
        default = given["default"]
        given["default"] = {str(member) for member in default} if spec.many else str(default)
    if "default" not in given and given.get("min", 0) > 0 and "size" not in given:
        given["default"] = given["min"]
    return make(**given)


def _property_type(spec: FieldSpec) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Blender's property for a field, with its range.

    Raises:
        TypeError: there is none; a fault of this module, which must be taught the new kind of field.
    """
    convert = spec.item
    if isinstance(convert, choice):
        items = [(str(member), choice_label(str(member)), "") for member in convert.kind]
        return EnumProperty, {"items": items} | ({"options": {"ENUM_FLAG"}} if spec.many else {})
    if not spec.many:
        if spec.role is Role.SWITCH:
            return BoolProperty, {}
        if _is_text(spec):
            return StringProperty, {}
        if spec.role is Role.NUMBER:
            return _number(spec)
    raise TypeError(f"there is no Blender property for {spec.name!r}: {spec.convert}")


def _number(spec: FieldSpec) -> tuple[Callable[..., Any], dict[str, Any]]:
    convert, pixels = spec.item, {"subtype": "PIXEL"} if spec.about.unit == "px" else {}
    match convert:
        case integer(low=low, high=high):
            return IntProperty, {"min": low, "max": high, **pixels}
        case number(low=low, high=high, above=above):
            return FloatProperty, {
                "min": low + 0.01 if above else low,
                "max": high,
                "step": 5,
                "precision": 2,
                **pixels,
            }
    if convert is side:
        return IntProperty, {"min": 8, "max": 16384, "soft_min": 64, "soft_max": 2048, "step": 8, "subtype": "PIXEL"}
    if convert is margins:
        return IntVectorProperty, {"size": 4, "min": 0, "max": 16384, "soft_max": 1024}
    if convert is depth_range:
        return FloatVectorProperty, {"size": 2, "min": 0.001, "soft_max": 1000, "default": (0.1, 100)}
    raise TypeError(f"there is no Blender property for the numbers of {spec.name!r}: {convert}")
