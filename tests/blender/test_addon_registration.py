"""The extension comes and goes without a trace, imports itself relatively, and explains everything that it shows."""

from __future__ import annotations

import ast
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.blender

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "blender_addon").rglob("*.py"))
OWN = {
    path.stem for path in (ROOT / "blender_addon").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
}


def traces() -> dict[str, Any]:
    """Everything that a registered extension may leave in Blender."""
    import bpy

    handlers = {
        name: list(getattr(bpy.app.handlers, name))
        for name in dir(bpy.app.handlers)
        if isinstance(getattr(bpy.app.handlers, name), list)
    }
    return {
        "classes": sorted(name for name in dir(bpy.types) if name.startswith("SDCORE")),
        "operators": sorted(dir(bpy.ops.sdcore)),
        "properties": [hasattr(bpy.types.Scene, "sd_core"), hasattr(bpy.types.WindowManager, "sd_core")],
        "handlers": handlers,
        "menus": sorted(name for name in dir(bpy.types) if "sdcore" in name.lower()),
        "threads": sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("sd_core-")),
    }


def test_ten_times_registered_and_unregistered_leave_nothing(blender_home: Path) -> None:
    import bpy

    import blender_addon
    from blender_addon import jobs

    bpy.ops.wm.read_factory_settings()
    before = traces()
    for _ in range(10):
        blender_addon.register()
        assert bpy.app.timers.is_registered(jobs._tick)
        assert traces() != before
        blender_addon.unregister()
        assert not bpy.app.timers.is_registered(jobs._tick)
        assert traces() == before


def test_a_registration_that_fails_leaves_nothing(blender_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import bpy

    import blender_addon
    from blender_addon import registration

    class Broken:
        """No class of Blender."""

    bpy.ops.wm.read_factory_settings()
    before = traces()
    last = ModuleType("last")
    last.CLASSES = (Broken,)  # type: ignore[attr-defined]
    monkeypatch.setattr(registration, "MODULES", (*registration.MODULES, last))
    with pytest.raises(RuntimeError, match="register_class"):
        blender_addon.register()
    assert traces() == before


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_extension_imports_its_own_modules_relatively(path: Path) -> None:
    """Installed, it is called `bl_ext.<repository>.sd_core`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module is not None and node.module.split(".")[0] not in OWN | {"blender_addon"}, ast.dump(node)
        if isinstance(node, ast.Import):
            assert not {name.name.split(".")[0] for name in node.names} & (OWN | {"blender_addon"}), ast.dump(node)


def shown_classes() -> list[type]:
    from blender_addon import registration

    return [cls for module in registration.MODULES for cls in module.CLASSES]


def tooltip(operator: Any) -> str:
    import bpy

    return getattr(bpy.ops.sdcore, operator.bl_idname.removeprefix("sdcore.")).get_rna_type().description


def own_properties(cls: type) -> list[Any]:
    """The properties that a class of the extension defines, with a tooltip."""
    bases = [base for base in cls.__mro__ if base.__module__.startswith("blender_addon")]
    names = {name for base in bases for name in vars(base).get("__annotations__", {})}
    return [held for held in cls.bl_rna.properties if held.identifier in names and held.description]


def test_every_property_and_operator_has_a_tooltip(bare_addon: ModuleType) -> None:
    import bpy

    missing = []
    for cls in shown_classes():
        rna = cls.bl_rna
        if issubclass(cls, bpy.types.Operator) and not tooltip(cls):
            missing.append(cls.__name__)
        if not issubclass(cls, (bpy.types.Operator, bpy.types.PropertyGroup, bpy.types.AddonPreferences)):
            continue
        bases = [base for base in cls.__mro__ if base.__module__.startswith("blender_addon")]
        own = [name for base in bases for name in vars(base).get("__annotations__", {}) if name in rna.properties]
        missing += [
            f"{cls.__name__}.{name}"
            for name in own
            if not rna.properties[name].description and rna.properties[name].type not in {"POINTER", "COLLECTION"}
        ]
    assert missing == []


def test_names_follow_blenders_conventions(bare_addon: ModuleType) -> None:
    import bpy

    kinds = {
        bpy.types.Operator: "SDCORE_OT_", bpy.types.Panel: "SDCORE_PT_", bpy.types.Menu: "SDCORE_MT_",
        bpy.types.UIList: "SDCORE_UL_", bpy.types.PropertyGroup: "SDCORE_PG_", bpy.types.AddonPreferences: "SDCORE_AP_",
    }  # fmt: skip
    for cls in shown_classes():
        prefix = next(prefix for kind, prefix in kinds.items() if issubclass(cls, kind))
        assert cls.__name__.startswith(prefix)
        if issubclass(cls, bpy.types.Operator):
            assert cls.bl_idname == f"sdcore.{cls.__name__.removeprefix(prefix)}"


def test_every_panel_is_in_its_side_bar_and_within_a_panel_that_exists(bare_addon: ModuleType) -> None:
    import bpy

    panels = [cls for cls in shown_classes() if issubclass(cls, bpy.types.Panel) and cls.bl_region_type == "UI"]
    names = {cls.__name__ for cls in panels}
    assert panels
    for cls in panels:
        assert cls.bl_category == "Diffusion"
        assert getattr(cls, "bl_parent_id", None) in {None, *names}


@pytest.mark.parametrize("space", ["image", "view"])
def test_every_panel_can_be_drawn_whatever_is_chosen(space: str, settings: Any) -> None:
    import bpy

    from blender_addon.scene.images import encode_image, new_image
    from tests.blender.layouts import drawn

    image = new_image("odd", encode_image(np.zeros((60, 66, 3), np.uint8)))
    settings.controls.add().image = settings.texture_image = settings.image_prompt = settings.image = image
    settings.loras.add()
    settings.stylise.prompts.add().marker = bpy.context.scene.timeline_markers.new("here").name
    settings.project.repaint = settings.mask_source = "IMAGE"
    panels = [cls for cls in shown_classes() if issubclass(cls, bpy.types.Panel) and cls.__name__.endswith(space)]
    assert len(panels) >= 8
    editor = "IMAGE_EDITOR" if space == "image" else "VIEW_3D"
    for task in ("TEXT", "IMAGE", "INPAINT", "UPSCALE"):
        settings.task = task
        texts = [word for panel in panels for word in drawn(panel, editor, image=image)]
        assert ("expand" in texts) == (task == "INPAINT")
        assert ("pad" in texts) == (task != "TEXT")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("each view follows its depth", ["each view", "follows its", "depth"]),
        ("不使用 ControlNet 每个视角遵循其深度", ["不使用", "ControlNet", "每个视角遵循", "其深度"]),
    ],
)
def test_texts_are_wrapped_by_the_width_of_their_characters(text: str, lines: list[str]) -> None:
    from blender_addon.panels.layout import lines_of

    assert lines_of(text, 12) == lines


PROPER_NAMES = frozenset({"ControlNet", "LoRA", "X", "Y"})
"""Are the same in every language."""


def test_labels_and_tooltips_of_the_extension_are_there_in_chinese(bare_addon: ModuleType) -> None:
    """Every panel, button, field of a request, switch and choice."""
    import bpy

    from blender_addon.translations import CHINESE

    shown = {cls.bl_label for cls in shown_classes() if issubclass(cls, (bpy.types.Panel, bpy.types.Operator))}
    own = [cls for cls in shown_classes() if issubclass(cls, bpy.types.Operator)]
    shown |= {tooltip(cls) for cls in own if "INTERNAL" not in cls.bl_options}
    groups = [cls for cls in shown_classes() if issubclass(cls, (bpy.types.PropertyGroup, bpy.types.AddonPreferences))]
    properties = [held for cls in groups for held in own_properties(cls)]
    shown |= {held.description for held in properties}
    shown |= {text for held in of_requests() for text in (held.name, *choices(held))}
    assert sorted(shown - set(CHINESE) - PROPER_NAMES) == []


def of_requests() -> list[Any]:
    """The properties that stand for fields of requests."""
    import bpy

    from blender_addon import request_fields as held

    settings = bpy.context.scene.sd_core
    groups = held.groups_of(settings)
    groups += [(settings.loras.add(), held.LORA), (settings.controls.add(), held.CONTROL)]
    return [group.bl_rna.properties[name] for group, specs in groups for name in specs]


def choices(known: Any) -> list[str]:
    """Labels and tooltips of the items of a menu."""
    items = known.enum_items if known.type == "ENUM" else ()
    return [text for item in items for text in (item.name, item.description) if text]


def test_no_word_is_translated_that_is_not_shown(bare_addon: ModuleType) -> None:
    """Each stands in the sources of the extension or of the requests, or is made of what stands there."""
    from blender_addon.translations import CHINESE

    made = {text for held in of_requests() for text in (held.name, held.description, *choices(held))}
    made |= {cls.__doc__ for cls in shown_classes() if cls.__doc__}
    sources = [path for path in SOURCES if "translations" not in path.name]
    sources += sorted((ROOT / "sd_core" / "requests").glob("*.py"))
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    switches = [word for word in CHINESE if word.startswith("Use this value; off: ")]
    assert all(word.removeprefix("Use this value; off: ") in text for word in switches)
    stages = {"Preparing", "Running"}
    stale = [word for word in CHINESE if word not in made and word not in text]
    assert sorted(set(stale) - set(switches) - stages) == []
