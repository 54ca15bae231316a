# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the background Blender: renders the data passes of a copied file, frame by frame.

It tells what it does in lines of JSON, and ends when nobody listens any more.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import bpy

from sd_core.errors import SDError
from sd_core.passes import PositionSpace, Sidecar, write_sidecar

from ..exr_write import replace_picture
from ..scripts import forbid_scripts, remove_compositing
from .camera import scene_camera
from .data_camera import DataCamera
from .data_scene import make_data_scene
from .exit import exit_blender
from .order import MESSAGE_PREFIX, RenderOrder, frame_path
from .picture_scene import make_picture_scene, render_picture


def main(order: str, *, scripts: bool) -> None:
    """Carry out the order in a file; ends the process with 0, or with 1 after a failure that was reported.

    scripts: whether code of the file may be run.
    """
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # the open window goes first
    try:
        _render(RenderOrder.read(Path(order)), scripts=scripts)
        exit_blender(0)
    except SDError as error:
        _fail(error.to_dict())
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        traceback.print_exc()
        _fail({"error": "SDError", "message": f"the data passes cannot be rendered: {error}", "hint": ""})


def _render(order: RenderOrder, *, scripts: bool) -> None:
    scene = bpy.data.scenes[order.scene]
    if not scripts:
        for what in forbid_scripts(scene, pictures=order.pictures):
            _send({"left_out": what})
    if bpy.context.window is not None:
        bpy.context.window.scene = scene
    remove_compositing(scene)
    pictures = make_picture_scene(scene, order.framing) if order.pictures else None
    followers = make_data_scene(scene, order.view_layer, order.framing, rest=order.rest)
    camera = None
    for frame in order.frames:
        scene.frame_set(frame)
        cut = camera is not None and scene.camera != camera
        camera = scene.camera
        path = frame_path(order.folder, frame)
        if frame not in order.have and not path.is_file():
            _render_frame(scene, pictures, followers[camera.name], order, path, cut=cut)
        _send({"frame": frame})


def _render_frame(
    scene: bpy.types.Scene,
    pictures: bpy.types.Scene | None,
    camera: DataCamera,
    order: RenderOrder,
    path: Path,
    *,
    cut: bool,
) -> None:
    """The sidecar first, and the file under its own name when it is whole: a frame is there or it is not."""
    lenses = camera.match_lens(scene)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    space = PositionSpace.REST if order.rest else PositionSpace.WORLD
    write_sidecar(path, Sidecar(camera=scene_camera(scene, depsgraph), cut=cut, position_space=space))
    partial = path.with_name(f"partial-{path.name}")
    scene.render.filepath = str(partial)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    camera.correct_file(partial, lenses)
    if pictures is not None:
        replace_picture(partial, render_picture(pictures, scene, partial.with_suffix(".png")))
    partial.replace(path)


def _exit_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):  # not through the buffer, whose lock would still be locked when Python ends
        pass
    os._exit(3)


def _send(data: dict[str, Any]) -> None:
    sys.stdout.write(f"{MESSAGE_PREFIX}{json.dumps(data)}\n")
    sys.stdout.flush()


def _fail(error: dict[str, Any]) -> None:
    _send({"failed": error})
    exit_blender(1)
