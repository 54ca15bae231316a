# SPDX-License-Identifier: GPL-3.0-or-later
"""Before Cycles renders, the server gives its memory back, if the user wants so."""

import logging
import threading

import bpy
from bpy.app.handlers import persistent

from sd_core.errors import SDError

from .connection import server
from .preferences import Preferences, read_preferences

CLASSES = ()

_MAX_WAIT = 5.0
"""Seconds for which a render waits for the memory."""

_log = logging.getLogger(__name__)


def register() -> None:
    """Listen for renders."""
    bpy.app.handlers.render_init.append(_before_render)


def unregister() -> None:
    """Listen no more."""
    bpy.app.handlers.render_init.remove(_before_render)


@persistent
def _before_render(scene: bpy.types.Scene, *_: object) -> None:
    """Wait a little for the memory: Cycles looks once how much there is."""
    preferences = read_preferences()
    if not preferences.free_memory_before_render or scene.render.engine != "CYCLES":
        return
    freeing = threading.Thread(target=_free, args=(preferences,), name="sd_core-free", daemon=True)
    freeing.start()
    freeing.join(_MAX_WAIT)


def _free(preferences: Preferences) -> None:
    """A server that does not run holds no memory."""
    try:
        server.free_memory(preferences)
    except SDError as error:
        _log.warning("the server keeps its memory: %s", error)
