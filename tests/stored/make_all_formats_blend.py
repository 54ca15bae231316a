"""What the add-on of version 0.1.0 wrote: a .blend with every setting, a preset, the history.

As `make_written.py`, in a Python that has `bpy`; the file keeps the home folder of whoever writes it:

    HOME=/nonexistent python -m tests.stored.make_all_formats_blend tests/stored/all_formats
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.stored import written


def fill(held: Any, path: str = "") -> None:
    """Give every property of a group another value than its default, the groups in it too."""
    for spec in held.bl_rna.properties:
        name = spec.identifier
        if name in ("rna_type", "name"):
            continue
        place = f"{path}{name}"
        if spec.type == "COLLECTION":
            for _ in range(2):
                fill(getattr(held, name).add(), f"{place}.")
        elif spec.type == "POINTER":
            _point(held, spec, place)
        else:
            setattr(held, name, other_value(spec, place))


def _point(held: Any, spec: Any, place: str) -> None:
    import bpy

    if spec.fixed_type.identifier == "Image":
        setattr(held, spec.identifier, bpy.data.images[_image(place)])
    else:
        fill(getattr(held, spec.identifier), f"{place}.")


def _image(place: str) -> str:
    """Make an image of 8 px with this name."""
    import bpy

    image = bpy.data.images.new(place, 8, 8, alpha=True)
    image.pixels.foreach_set((written.picture(8, 4) / np.float32(256)).ravel())
    image.pack()
    return image.name


def other_value(spec: Any, place: str) -> Any:
    """A value that is not the default."""
    if spec.type == "STRING":
        return f"//{place}/" if spec.subtype == "DIR_PATH" else f"stored {place}"
    if spec.type == "ENUM":
        return _other_choice(spec)
    if spec.type == "BOOLEAN":
        return not spec.default
    if spec.is_array:
        return [8 * (index + 1) for index in range(spec.array_length)]
    middle = (spec.hard_min + min(spec.hard_max, spec.soft_max)) / 2
    value = int(middle) // 8 * 8 if spec.type == "INT" else middle
    if value != spec.default:
        return value
    return value + 1 if spec.type == "INT" else (value + spec.soft_max) / 2


def _other_choice(spec: Any) -> Any:
    if spec.is_enum_flag:
        return {next(iter(spec.enum_items)).identifier}
    return next(item.identifier for item in list(spec.enum_items)[::-1] if item.identifier != spec.default)


def values(held: Any) -> dict[str, Any]:
    """Every property of a group, as JSON has it."""
    found: dict[str, Any] = {}
    for spec in held.bl_rna.properties:
        name = spec.identifier
        if name not in ("rna_type", "name"):
            found[name] = _value(spec, getattr(held, name))
    return found


def _value(spec: Any, value: Any) -> Any:
    if spec.type == "COLLECTION":
        return [values(item) for item in value]
    if spec.type == "POINTER":
        return value and (value.name if spec.fixed_type.identifier == "Image" else values(value))
    if isinstance(value, set):
        return sorted(value)
    return list(value) if getattr(spec, "is_array", False) else value


def main(target: Path) -> None:
    """Write them."""
    with tempfile.TemporaryDirectory() as user:
        os.environ["BLENDER_USER_RESOURCES"] = user
        import bpy

        import blender_addon

        bpy.ops.wm.read_factory_settings(use_empty=True)
        blender_addon.register()
        target.mkdir(exist_ok=True)
        bpy.context.scene.render.filepath = "//"  # else the folder for temporary files
        settings = bpy.context.scene.sd_core
        fill(settings)
        (target / "settings.json").write_text(
            json.dumps(values(settings), indent=1, ensure_ascii=False), encoding="utf-8"
        )
        bpy.ops.sdcore.add_preset(name="stored")
        (preset,) = Path(user).rglob("stored.py")
        shutil.copy(preset, target / "preset.py")
        _keep_history(target)
        image = bpy.data.images.new("made", 8, 8)
        image["sd_core"] = written.PAINTED["text_to_image"].to_json()
        image.pack()
        image.use_fake_user = True
        bpy.ops.wm.save_as_mainfile(filepath=str(target / "settings.blend"), compress=True, relative_remap=False)
        blender_addon.unregister()


def _keep_history(target: Path) -> None:
    from blender_addon.history import save_images

    for name in ("text_to_image-0", "adjust"):
        request = written.PAINTED[name.removesuffix("-0")]
        save_images(target / "history", [((target.parent / "pictures" / f"{name}.png").read_bytes(), request)])


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute() / "blender")
