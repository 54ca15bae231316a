# SPDX-License-Identifier: GPL-3.0-or-later
"""What was made before, opened or used again."""

import json
from collections.abc import Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any, ClassVar

import bpy

from sd_core.errors import RequestError
from sd_core.metadata import REQUEST, read_png_text

from .. import history
from ..editors import ImageEditorRef, show
from ..fields import Properties, set_values
from ..request_fields import ADDED, COMMON, GROUPS, LORA, TASKS
from .common import ReportingOperator, is_ready

_TASKS = {kind.__name__: task for task, kind in TASKS.items()}


class _NeedsHistoryImage:
    """Those that need an image of the history."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_ready(cls, "No image is selected in the history" if history.selected_image(context) is None else "")


class SDCORE_OT_use_again(_NeedsHistoryImage, ReportingOperator, bpy.types.Operator):
    """Set all settings and the seed as for the selected image"""

    bl_idname = "sdcore.use_again"
    bl_label = "Restore Settings"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def carry_out(self, context: bpy.types.Context) -> None:
        path = history.selected_image(context)
        assert path is not None
        use_again(context.scene.sd_core, _request_of(path))


class SDCORE_OT_open_history(_NeedsHistoryImage, ReportingOperator, bpy.types.Operator):
    """Open the selected image in the Image Editor"""

    bl_idname = "sdcore.open_history"
    bl_label = "Open"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def carry_out(self, context: bpy.types.Context) -> None:
        path = history.selected_image(context)
        try:
            image = bpy.data.images.load(str(path), check_existing=True)
        except RuntimeError as error:
            raise RequestError("history", f"{path} cannot be opened", hint="remove it from the history") from error
        show(image, ImageEditorRef.of(context))


class SDCORE_OT_remove_history(_NeedsHistoryImage, ReportingOperator, bpy.types.Operator):
    """Delete the selected image from the history; images in the open file stay"""

    bl_idname = "sdcore.remove_history"
    bl_label = "Remove from History"
    bl_options: ClassVar = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def carry_out(self, context: bpy.types.Context) -> None:
        path = history.selected_image(context)
        assert path is not None
        try:
            history.remove_image(path)
        except OSError as error:
            hint = "close it where it is open, or remove the file yourself"
            raise RequestError("history", f"{path} cannot be removed: {error.strerror}", hint=hint) from error


CLASSES = (SDCORE_OT_use_again, SDCORE_OT_open_history, SDCORE_OT_remove_history)


def use_again(settings: bpy.types.PropertyGroup, request: Mapping[str, Any]) -> None:
    """Write the fields of a request, as its JSON holds them, into the settings of a scene.

    Pictures are left as they are: the image that is open, and the chosen mask and control pictures.
    """
    set_values(settings, _of(request, COMMON))
    settings.style = "NONE"  # it is in the prompt already
    settings.task = _TASKS.get(str(request["type"]), settings.task)
    if settings.task in GROUPS:
        set_values(getattr(settings, GROUPS[settings.task]), _of(request, ADDED[settings.task]))
    if settings.task == "INPAINT":
        _use_mask(settings, had_mask=request.get("mask") is not None)
    settings.loras.clear()
    for lora in request.get("loras", ()):
        set_values(settings.loras.add(), _of(lora, LORA))


def _of(request: Mapping[str, Any], specs: Properties) -> dict[str, Any]:
    """The values of properties in the JSON of a request; where an older one lacks a field, the default."""
    values = {name: request.get(spec.name, spec.default) for name, spec in specs.items()}
    return {name: value for name, value in values.items() if value is not MISSING}


def _use_mask(settings: bpy.types.PropertyGroup, *, had_mask: bool) -> None:
    """Where the mask came from is not known any more: a source that is chosen stays."""
    if not had_mask:
        settings.mask_source = "NONE"
    elif settings.mask_source == "NONE":
        settings.mask_source = "IMAGE"


def _request_of(path: Path) -> Mapping[str, Any]:
    try:
        return json.loads(read_png_text(path)[REQUEST])
    except (OSError, KeyError, ValueError) as error:
        raise RequestError(path.name, f"holds no request: {error!r}", hint="remove it from the history") from error
