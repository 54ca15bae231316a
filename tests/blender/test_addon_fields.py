"""Properties follow the fields of requests, and stay as files and presets that were saved before have them.

`files/properties.json` lists the properties of version 0.1.0; a file with its values is opened in `tests/stored_image`.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sd_core.requests import Animation, Generation, Inpaint, MeshTexture, Texture
from sd_core.values import Role, field_specs

pytestmark = pytest.mark.blender

SAVED = json.loads((Path(__file__).parent / "files" / "properties.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("group", sorted(SAVED))
def test_properties_keep_names_types_items_and_defaults_and_allow_what_they_allowed(
    group: str, bare_addon: ModuleType
) -> None:
    import bpy

    known = bpy.types.PropertyGroup.bl_rna_get_subclass_py(group).bl_rna.properties
    for name, before in SAVED[group].items():
        now = known[name]
        assert now.type == before["type"], name
        if now.type in ("POINTER", "COLLECTION"):
            assert now.fixed_type.identifier == before["of"], name
            continue
        if now.type == "ENUM":
            assert {item.identifier: item.value for item in now.enum_items} == before["items"], name
        assert _default(now) == before["default"], name
        if "low" in before:
            assert now.hard_min <= before["low"] and now.hard_max >= before["high"], name


def _default(known: Any) -> Any:
    if known.type == "ENUM":
        return sorted(known.default_flag) if known.is_enum_flag else known.default
    return list(known.default_array) if getattr(known, "is_array", False) else known.default


def test_every_plain_field_of_what_blender_makes_is_a_property_with_its_label_and_help(bare_addon: ModuleType) -> None:
    import bpy

    from blender_addon import request_fields
    from blender_addon.fields import SWITCH_PREFIX, tooltip

    settings = bpy.context.scene.sd_core
    places = [
        (settings, request_fields.COMMON, Generation, ()),
        (settings.inpaint, request_fields.ADDED["INPAINT"], Inpaint, ()),
        (settings, request_fields.TEXTURE, Texture, ("normal_convention",)),
        (settings.stylise, request_fields.STYLISE, Animation, ("depth_estimator",)),
        (settings.project, request_fields.PROJECT, MeshTexture, ()),
    ]
    for group, specs, kind, without in places:
        plain = {
            name
            for name, spec in field_specs(kind).items()
            if spec.role not in (Role.ARRAY, Role.PART, Role.FILE)
            and (kind is Generation or name not in field_specs(Generation))
        }
        assert {spec.name for spec in specs.values()} == plain - set(without)
        for name, spec in specs.items():
            shown = group.bl_rna.properties[name]
            assert shown.name == spec.label
            assert shown.description == tooltip(spec) or name == "noise"
            assert spec.optional == (SWITCH_PREFIX + name in group.bl_rna.properties)


def test_the_default_models_are_used_again_wherever_one_was_named(bare_addon: ModuleType) -> None:
    import bpy

    from blender_addon.fields import SWITCH_PREFIX, set_values
    from blender_addon.request_fields import groups_of

    settings = bpy.context.scene.sd_core
    named = [
        (group, name) for group, specs in groups_of(settings) for name, spec in specs.items() if spec.role.is_outside
    ]
    assert len(named) >= 5
    for group, name in named:
        set_values(group, {name: "nobody/nothing"})
        assert getattr(group, SWITCH_PREFIX + name)
    bpy.ops.sdcore.use_default_model()
    assert not any(getattr(group, SWITCH_PREFIX + name) or getattr(group, name) for group, name in named)
