"""Files that were saved before open with their values: `files/settings.*` were written before properties followed `About`."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sd_core.requests import Animation, Generation, Inpaint, MeshTexture, Texture
from sd_core.values import Role, field_specs

pytestmark = pytest.mark.blender

FILES = Path(__file__).with_name("files")
SAVED = json.loads((FILES / "settings.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("group", sorted(SAVED["layout"]))
def test_properties_keep_names_types_items_and_defaults_and_allow_what_they_allowed(
    group: str, bare_addon: ModuleType
) -> None:
    import bpy

    known = bpy.types.PropertyGroup.bl_rna_get_subclass_py(group).bl_rna.properties
    for name, before in SAVED["layout"][group].items():
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


@pytest.fixture
def _newer_blender(bare_addon: ModuleType) -> None:
    import bpy

    if bpy.app.version < (5, 0):
        pytest.skip("the file was written by Blender 5.0, which older ones do not read; its layout is checked above")


@pytest.mark.usefixtures("_newer_blender")
def test_a_file_that_was_saved_before_opens_with_its_values() -> None:
    import bpy

    bpy.ops.wm.open_mainfile(filepath=str(FILES / "settings.blend"))
    assert _held(bpy.context.scene.sd_core, SAVED["values"]) == SAVED["values"]


def _held(group: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(getattr(group, name), value) for name, value in wanted.items()}


def _plain(held: Any, wanted: Any) -> Any:
    if isinstance(wanted, dict):
        return _held(held, wanted)
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        return [_held(item, wanted[0]) for item in held]
    if isinstance(wanted, list):
        return sorted(held) if isinstance(held, set) else list(held)
    return round(held, 6) if isinstance(held, float) else held


def test_every_plain_field_of_what_blender_makes_is_a_property_with_its_label_and_help(bare_addon: ModuleType) -> None:
    import bpy

    from blender_addon import request_fields
    from blender_addon.fields import USE, tooltip

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
            assert spec.optional == (USE + name in group.bl_rna.properties)
