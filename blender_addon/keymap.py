# SPDX-License-Identifier: GPL-3.0-or-later
"""Escape cancels the jobs that run; where none does, the key means what it always does."""

import bpy

CLASSES = ()

_KEYMAPS = (("Image Generic", "IMAGE_EDITOR"), ("3D View Generic", "VIEW_3D"), ("SequencerCommon", "SEQUENCE_EDITOR"))

_added: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def register() -> None:
    """Add the keys; a background Blender has none."""
    keys = bpy.context.window_manager.keyconfigs.addon
    if keys is None:
        return
    for name, space in _KEYMAPS:
        keymap = keys.keymaps.new(name=name, space_type=space)
        _added.append((keymap, keymap.keymap_items.new("sdcore.cancel", "ESC", "PRESS")))


def unregister() -> None:
    """Remove them."""
    for keymap, item in _added:
        keymap.keymap_items.remove(item)
    _added.clear()
