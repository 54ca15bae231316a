# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender is told of, in order: each module has `CLASSES`, and `register` and `unregister` where that is not all."""

from types import ModuleType

import bpy

from . import history, jobs, preferences, presets, properties, properties_stylise
from .operators import generate as generate_operators
from .operators import history as history_operators
from .operators import lists as list_operators
from .operators import server as server_operators
from .operators import stylise_render
from .panels import generate as generate_panels
from .panels import history as history_panels
from .panels import status as status_panels

MODULES: tuple[ModuleType, ...] = (
    preferences,
    properties_stylise,
    properties,
    history,
    presets,
    generate_operators,
    history_operators,
    list_operators,
    server_operators,
    stylise_render,
    generate_panels,
    history_panels,
    status_panels,
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
        _unregister(done)
        raise


def unregister() -> None:
    """Take all of it back, in reverse."""
    _unregister(list(MODULES))


def _register(module: ModuleType) -> None:
    for cls in module.CLASSES:
        bpy.utils.register_class(cls)
    if hasattr(module, "register"):
        module.register()


def _unregister(modules: list[ModuleType]) -> None:
    for module in reversed(modules):
        if hasattr(module, "unregister"):
            module.unregister()
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
