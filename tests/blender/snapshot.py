"""Everything about a scene that belongs to the user, as plain values, to compare before and after an operator."""

from __future__ import annotations

from typing import Any

SETTINGS = (
    "render",
    "view_settings",
    "display_settings",
    "cycles",
    "eevee",
    "unit_settings",
    "tool_settings",
    "sd_core",
)
"""Groups of settings of a scene."""


def snapshot(scene: Any) -> dict[str, Any]:
    """Settings, view layers, compositor, frame, selection and mode, field by field."""
    import bpy

    found = {name: fields(getattr(scene, name)) for name in SETTINGS if hasattr(scene, name)}
    found |= {f"layer {layer.name}": fields(layer) for layer in scene.view_layers}
    tree = getattr(scene, "compositing_node_group", None) or getattr(scene, "node_tree", None)
    return found | {
        "scene": fields(scene),
        "compositor": [] if tree is None else [fields(node) for node in tree.nodes],
        "selected": sorted(item.name for item in bpy.context.selected_objects),
        "active": getattr(bpy.context.object, "name", None),
        "mode": bpy.context.mode,
        "objects": sorted(item.name for item in bpy.data.objects),
        "meshes": {mesh.name: (len(mesh.vertices), len(mesh.uv_layers)) for mesh in bpy.data.meshes},
    }


def fields(held: Any) -> dict[str, Any]:
    """The plain properties of an RNA struct; datablocks by name."""
    found = {}
    for spec in held.bl_rna.properties:
        if spec.identifier in ("rna_type", "use_nodes"):  # the latter is deprecated
            continue
        value = getattr(held, spec.identifier)
        if spec.type == "POINTER":
            found[spec.identifier] = getattr(value, "name", None) if value is not None else None
        elif spec.type == "COLLECTION":
            found[spec.identifier] = len(value)
        else:
            found[spec.identifier] = tuple(value) if getattr(spec, "is_array", False) else value
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What has changed, named."""
    changed = []
    for group in before.keys() | after.keys():
        old, new = before.get(group), after.get(group)
        if isinstance(old, dict) and isinstance(new, dict):
            changed += [
                f"{group}.{key}: {old.get(key)!r} -> {new.get(key)!r}" for key in old if old.get(key) != new.get(key)
            ]
        elif old != new:
            changed.append(f"{group}: {old!r} -> {new!r}")
    return changed
