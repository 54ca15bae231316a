"""Small scenes, and every setting of a scene as plain values."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.blender.snapshot import differences, snapshot

needs_bpy = pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="bpy 5.0 exists for Python 3.11 only")

_OWN = ("sdcore", "sd_core")
"""What the add-on registers on a scene is no setting of Blender's."""

_RUNTIME = frozenset({"rna_type", "depsgraph", "particle_edit", "uv_sculpt"})
"""No settings either: Blender fills them in by itself as it draws and renders; the last crashes Blender 4.2 when it is read."""


def turning_cube(width: int = 72, height: int = 48) -> Any:
    """A cube that turns, moves and twists over a floor, seen by a moving camera, at frame 1."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("sky")
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 4
    bpy.ops.mesh.primitive_plane_add(size=12, location=(0, 0, -1))
    bpy.context.object.name = "Floor"
    bpy.ops.mesh.primitive_cube_add(size=2)
    cube = bpy.context.object
    cube.data.materials.append(bpy.data.materials.new("paint"))
    cube.modifiers.new("cut", "SUBSURF").subdivision_type = "SIMPLE"
    twist = cube.modifiers.new("twist", "SIMPLE_DEFORM")
    twist.deform_axis = "Z"
    for frame, place, angle in ((1, -0.4, 0.0), (5, 0.4, 0.6)):
        cube.location.x, cube.rotation_euler.z, twist.angle = place, angle, angle
        cube.keyframe_insert("location", frame=frame)
        cube.keyframe_insert("rotation_euler", frame=frame)
        twist.keyframe_insert("angle", frame=frame)
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0, 0.4))
    bpy.ops.object.camera_add(location=(0.5, -7, 3), rotation=(math.radians(68), 0, 0.05))
    scene.camera = bpy.context.object
    for frame, x in ((1, 0.3), (5, 0.9)):
        scene.camera.location.x = x
        scene.camera.keyframe_insert("location", frame=frame)
    scene.frame_set(1)
    return scene


def change_camera(
    scene: Any,
    *,
    resolution: tuple[int, int] | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
    fit: str = "AUTO",
    aspect: tuple[float, float] = (1.0, 1.0),
    kind: str = "PERSP",
) -> None:
    """Give the camera and the render other settings."""
    data = scene.camera.data
    if resolution is not None:
        scene.render.resolution_x, scene.render.resolution_y = resolution
    data.shift_x, data.shift_y = shift
    data.sensor_fit, data.type = fit, kind
    data.ortho_scale = 5
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = aspect


def crypto_id(name: str) -> int:
    """The object's id in Cryptomatte: MurmurHash3, 32 bit, with the exponent kept finite (specification 1.2.0)."""
    held = _murmur3(name.encode())
    exponent = held >> 23 & 0xFF
    return held ^ (1 << 23) if exponent in (0, 255) else held


def _murmur3(data: bytes) -> int:
    mask = 0xFFFFFFFF

    def mixed(word: int) -> int:
        word = word * 0xCC9E2D51 & mask
        return (word << 15 | word >> 17) * 0x1B873593 & mask

    value, whole = 0, len(data) // 4 * 4
    for start in range(0, whole, 4):
        value ^= mixed(int.from_bytes(data[start : start + 4], "little"))
        value = ((value << 13 | value >> 19) & mask) * 5 + 0xE6546B64 & mask
    if data[whole:]:
        value ^= mixed(int.from_bytes(data[whole:], "little"))
    value ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        value = (value ^ value >> shift) * factor & mask
    return value ^ value >> 16


def settings_of(scene: Any) -> dict[str, Any]:
    """Every setting of the scene, its view layers, colour management, compositor, world, camera, selection and frame."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of properties that a later Blender will not have
        return {"scene": plain(scene, depth=3), **_parts(scene)}


def _parts(scene: Any) -> dict[str, Any]:
    import bpy

    layers = {f"layer {layer.name}": plain(layer, depth=2) for layer in scene.view_layers}
    objects = {
        f"object {item.name}": (
            item.select_get(),
            item.hide_render,
            item.hide_viewport,
            [list(row) for row in item.matrix_world],
            [slot.material and slot.material.name for slot in item.material_slots],
            plain(item.data, depth=0) if item.type == "CAMERA" else None,
        )
        for item in scene.objects
    }
    active = bpy.context.view_layer.objects.active
    extra = {
        "active": active and active.name,
        "materials": sorted(
            (item.name, len(item.node_tree.nodes) if item.node_tree else 0) for item in bpy.data.materials
        ),
        "preview": bpy.context.preferences.filepaths.file_preview_type,
    }
    return {**layers, **objects, **extra}


def plain(held: Any, depth: int) -> dict[str, Any]:
    """The properties of a struct as plain values; other structs to a depth, datablocks by name."""
    import bpy

    found: dict[str, Any] = {}
    for known in held.bl_rna.properties:
        name = known.identifier
        if name in _RUNTIME or name.startswith(_OWN):
            continue
        value = getattr(held, name)
        if known.type == "COLLECTION":
            found[name] = [getattr(item, "name", "") for item in value]
        elif known.type != "POINTER":
            found[name] = tuple(value) if getattr(known, "is_array", False) else value
        elif isinstance(value, bpy.types.ID):
            found[name] = value.name
        elif value is not None and depth:
            found[name] = plain(value, depth - 1)
    return {name: repr(value) if not isinstance(value, dict) else value for name, value in found.items()}


def few_steps(scene: Any) -> None:
    """A prompt, a seed, and as few steps as make a picture."""
    held = scene.sd_core
    held.prompt = "a red wall"
    held.use_seed = held.use_num_inference_steps = True
    held.seed, held.num_inference_steps = 7, 3


def small_pictures(scene: Any) -> Any:
    """As `few_steps`, with pictures of 64 px; gives the settings."""
    few_steps(scene)
    held = scene.sd_core
    held.use_width = held.use_height = True
    held.width = held.height = 64
    return held


def remembered(scene: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What belongs to the user, for `compare`."""
    return settings_of(scene), snapshot(scene)


def compare(scene: Any, before: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Fail with the names of what has changed."""
    old, new = dict(_flat(before[0])), dict(_flat(settings_of(scene)))
    changed = [f"{name}: {old.get(name)} -> {new.get(name)}" for name in old | new if old.get(name) != new.get(name)]
    changed += differences(before[1], snapshot(scene))
    if changed:
        pytest.fail("\n".join(changed))


def _flat(held: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in held.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
