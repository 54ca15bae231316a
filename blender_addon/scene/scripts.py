# SPDX-License-Identifier: GPL-3.0-or-later
"""Which code of a file a background Blender may run: none that the open Blender would not run for it.

Blender's switch for scripts (auto-run) is not all that there is to it: two kinds of code run in a render without regard to it.

- Freestyle: in script mode Python from texts of the file. In editor mode it runs a line of Python with the names of the view
  layer and the line set in it, and does not quote them well: a backslash before a quote ends the text. With plain names the
  editor mode runs Blender's own program alone, and stays.
- Open Shading Language (script nodes, custom cameras): no Python, but its `fprintf` appends to any file of the user.

What else a render does is limited to the 3D view of the scene by `remove_compositing`: compositors write files wherever their
File Output nodes say, and sequencers read films from anywhere. Harmless are:

- drivers, registered texts: they obey the switch; handlers: they are registered by Python, which obeys it.
- add-ons and render engines of others: a file names them, but brings none.
- node groups: they have no node that runs code, and those that read files read what the open Blender has read.
- linked libraries: the same files that the open Blender has read; the switch holds for them, too.
- caches of simulations: Blender puts them next to the file, which is the copy. A fluid in replay mode fills its own folder,
  as it does whenever the open Blender plays it.
- the paths for renders, of which each is set before each render.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from operator import and_

import bpy

FREESTYLE = "Freestyle with Python scripts"
SHADERS = "Open Shading Language"


def can_run_scripts(*others: str) -> bool:
    """Whether the open Blender runs the scripts of the open file; main thread.

    Args:
        others: paths of files that are to be trusted, too.
    """
    preferences = bpy.context.preferences
    if not preferences.filepaths.use_scripts_auto_execute or bpy.app.autoexec_fail:
        return False
    return not any(map(_is_excluded, (bpy.data.filepath, *others))) and _can_run_drivers()


def forbid_scripts(scene: bpy.types.Scene, *, pictures: bool) -> Sequence[str]:
    """Take out of the copied file what would run code though scripts are not allowed.

    It is taken out rather than switched off: the switch of the shaders may be animated.

    Returns:
        What a render of `scene` lacks by that, as text; data lack no Freestyle, which they never have.
    """
    used = [scene.render.use_freestyle and layer.use_freestyle for layer in scene.view_layers]
    styled = [_remove_freestyle_code(layer.freestyle_settings, layer.name) for layer in scene.view_layers]
    for other in bpy.data.scenes:
        for layer in other.view_layers:
            _remove_freestyle_code(layer.freestyle_settings, layer.name)
    lacks = {
        FREESTYLE: pictures and any(map(and_, used, styled)),
        SHADERS: _remove_shaders() and scene.cycles.shading_system,
    }
    for each in bpy.data.scenes:
        each.cycles.shading_system = False
    return [what for what, missing in lacks.items() if missing]


def remove_compositing(scene: bpy.types.Scene) -> None:
    """Take the compositor and the sequencer out of a scene of the copied file."""
    if hasattr(scene, "compositing_node_group"):
        scene.compositing_node_group = None
    elif scene.node_tree is not None:  # before Blender 5.0 it is a part of the scene
        scene.node_tree.nodes.clear()
    scene.sequence_editor_clear()


def _is_excluded(path: str) -> bool:
    """Whether the file lies in a folder whose files the user does not trust, as it is named or as it is."""
    if not path:
        return False
    names = {os.path.normcase(path), os.path.normcase(os.path.realpath(path))}
    return any(_is_in_folder(entry, names) for entry in bpy.context.preferences.autoexec_paths if entry.path)


def _is_in_folder(entry: bpy.types.PathCompare, names: set[str]) -> bool:
    if entry.use_glob:
        return any(fnmatch(name, os.path.normcase(entry.path)) for name in names)
    folders = {os.path.normcase(entry.path), os.path.normcase(os.path.realpath(entry.path))}
    return any(name.startswith(folder) for name in names for folder in folders)  # as Blender compares them


def _can_run_drivers() -> bool:
    """Whether a driver is evaluated that needs all of Python.

    Nothing else tells whether Blender runs scripts of this file: the preference may have been on while the file was opened
    as one that is not trusted, and `autoexec_fail` stays off until something was blocked, which may be hidden in the window
    and seen in a render.
    """
    scene = bpy.data.scenes.new("script check")
    try:
        scene["runs"] = 0.0
        scene.driver_add('["runs"]').driver.expression = "float(str(1))"
        layer = scene.view_layers[0]
        layer.update()
        return scene.evaluated_get(layer.depsgraph)["runs"] == 1
    finally:
        bpy.data.scenes.remove(scene)


def _remove_freestyle_code(settings: bpy.types.FreestyleSettings, layer: str) -> bool:
    """Leave no program in script mode, and no name that is taken for code; gives whether lines are lost by that."""
    lost = (
        len(settings.modules) > 0 if settings.mode == "SCRIPT" else not _is_plain(layer) and len(settings.linesets) > 0
    )
    while settings.modules:
        settings.modules.remove(settings.modules[0])
    for lines in list(settings.linesets):
        if not _is_plain(layer):
            settings.linesets.remove(lines)
        elif not _is_plain(lines.name):
            lines.name = "".join(letter if _is_plain(letter) else "_" for letter in lines.name)
    return lost


def _is_plain(name: str) -> bool:
    return name.isprintable() and not set(name) & set("\\'\"")


def _remove_shaders() -> bool:
    """Take out script nodes and custom cameras; gives whether there were any."""
    found = False
    for tree in _shader_trees():
        for node in [node for node in tree.nodes if node.bl_idname == "ShaderNodeScript"]:
            tree.nodes.remove(node)
            found = True
    for camera in [camera for camera in bpy.data.cameras if camera.type == "CUSTOM"]:
        camera.type = "PERSP"
        found = True
    return found


def _shader_trees() -> Iterator[bpy.types.NodeTree]:
    yield from bpy.data.node_groups
    for data in (*bpy.data.materials, *bpy.data.worlds, *bpy.data.lights, *bpy.data.linestyles):
        if data.node_tree is not None:
            yield data.node_tree
