"""A layout that takes down what a panel draws: Blender itself makes layouts only while it draws a window.

What is drawn must exist: properties in their data, operators with the settings that they are given, icons.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class Layout:
    """Stands in for `UILayout`. `told` holds texts, properties and operators in the order in which they were drawn."""

    def __init__(self, texts: list[str] | None = None) -> None:
        self.told: list[str] = [] if texts is None else texts

    def row(self, **_: Any) -> Layout:
        return Layout(self.told)

    column = box = split = row

    def separator(self, **_: Any) -> None:
        pass

    def label(self, *, text: str = "", icon: str = "NONE", **_: Any) -> None:
        _check_icon(icon)
        self.told.append(text)

    def progress(self, *, text: str, **_: Any) -> None:
        self.told.append(text)

    def prop(self, data: Any, name: str, *, icon: str = "NONE", **_: Any) -> None:
        _check_icon(icon)
        assert name in data.bl_rna.properties, f"{data.bl_rna.identifier} has no {name}"
        self.told.append(name)

    def template_ID(self, data: Any, name: str, **_: Any) -> None:  # noqa: N802 - Blender's name
        self.prop(data, name)

    template_icon_view = template_ID

    def prop_search(self, data: Any, name: str, search: Any, search_name: str, **_: Any) -> None:
        self.prop(data, name)

    def template_list(self, *names: Any, **_: Any) -> None:
        import bpy

        assert hasattr(bpy.types, names[0])

    def template_icon(self, **_: Any) -> None:
        self.told.append("picture")

    def menu(self, name: str, *, icon: str = "NONE", **_: Any) -> None:
        import bpy

        _check_icon(icon)
        assert hasattr(bpy.types, name)
        self.told.append(name)

    def operator(self, name: str, *, text: str | None = None, icon: str = "NONE", **_: Any) -> Any:
        import bpy

        _check_icon(icon)
        category, own = name.split(".")
        rna = getattr(getattr(bpy.ops, category), own).get_rna_type()
        self.told.append(name if not text else f"{name} {text}")
        return _Settings(set(rna.properties.keys()))


class _Settings:
    """The settings of an operator that is drawn."""

    def __init__(self, known: set[str]) -> None:
        object.__setattr__(self, "_known", known)

    def __setattr__(self, name: str, value: object) -> None:
        assert name in self._known, name
        object.__setattr__(self, name, value)


def drawn(panel: type, space: str = "VIEW_3D", **extra: Any) -> list[str]:
    """What a panel or menu draws in the open scene."""
    import bpy

    context = SimpleNamespace(
        scene=bpy.context.scene,
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),  # 0 where there is no screen
        window_manager=bpy.context.window_manager,
        object=bpy.context.object,
        active_object=bpy.context.object,
        selected_objects=bpy.context.selected_objects,
        view_layer=bpy.context.view_layer,
        mode=bpy.context.mode,
        region=SimpleNamespace(width=300),
        space_data=SimpleNamespace(type=space, image=extra.pop("image", None)),
        area=None,
    )
    layout = Layout()
    panel.draw(SimpleNamespace(layout=layout, **extra), context)
    return layout.told


def _check_icon(icon: str) -> None:
    import bpy

    known = bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys()
    assert icon in known, icon
