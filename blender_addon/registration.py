# SPDX-License-Identifier: GPL-3.0-or-later
"""What is registered with Blender, in order: each module has `CLASSES`, and `register` and `unregister` where that is not all."""

from collections.abc import Sequence
from types import ModuleType

import bpy

from . import (
    history,
    jobs,
    keymap,
    preferences,
    presets,
    preview_overlay,
    properties,
    properties_stylise,
    render_memory,
    translations,
)
from .operators import approval as approval_operators
from .operators import generate as generate_operators
from .operators import history as history_operators
from .operators import lists as list_operators
from .operators import project_texture, repaint_texture, stylise_animation, stylise_prompts, stylise_render
from .operators import region as region_operators
from .operators import server as server_operators
from .operators import texture as texture_operators
from .panels import adapters as adapter_panels
from .panels import generate as generate_panels
from .panels import history as history_panels
from .panels import project as project_panels
from .panels import status as status_panels
from .panels import stylise as stylise_panels
from .panels import texture as texture_panels

MODULES: tuple[ModuleType, ...] = (
    preferences,
    properties_stylise,
    properties,
    history,
    presets,
    approval_operators,
    generate_operators,
    history_operators,
    list_operators,
    region_operators,
    server_operators,
    texture_operators,
    stylise_render,
    stylise_animation,
    stylise_prompts,
    project_texture,
    repaint_texture,
    generate_panels,
    adapter_panels,
    texture_panels,
    project_panels,
    stylise_panels,
    history_panels,
    status_panels,
    keymap,
    render_memory,
    preview_overlay,
    translations,
    jobs,
)
"""In the order in which they are registered; what others point to comes first."""


def register() -> None:
    """Register all of it, or nothing."""
    done: list[ModuleType] = []
    try:
        for module in MODULES:
            _register(module)
            done.append(module)
    except BaseException:
        unregister_modules(done)
        raise


def unregister() -> None:
    """Take all of it back, in reverse."""
    unregister_modules(MODULES)


def unregister_modules(modules: Sequence[ModuleType]) -> None:
    """Take back what these modules registered."""
    for module in reversed(modules):
        if hasattr(module, "unregister"):
            module.unregister()
        _unregister_classes(module.CLASSES)


def _register(module: ModuleType) -> None:
    done: list[type] = []
    try:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
            done.append(cls)
        if hasattr(module, "register"):
            module.register()
    except BaseException:
        _unregister_classes(done)
        raise


def _unregister_classes(classes: Sequence[type]) -> None:
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
