# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shot shows: found, painted onto the open scene, or one object painted again."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import ClassVar

import bpy

from sd_core.errors import RequestError

from .. import jobs
from ..job import BlenderJob
from ..scene.images import DATA, SRGB, EncodedImage, new_image, packed_file
from ..scene.passes.render import save_copy
from ..scene.surfaces.found import Seen
from ..scene.surfaces.materials import paint_object
from ..scene.surfaces.paint import Paint
from ..scene.surfaces.unwrap import UV_MAP, unwrap
from ..scene.surfaces.wishes import SEED
from ..stylise.painting import Painting
from ..stylise.surface_output import SurfaceOutput
from .animation_parts import output_place
from .common import ReportingOperator, is_ready
from .stylise_surfaces import painting_of, scene_named, shot_frames, show_view, survey_of

_SEEDS = 2**31
"""Blender's integers end there."""


def find_objects(scene: bpy.types.Scene, view_layer: str) -> BlenderJob:
    """Start the job that fills the list; returns at once.

    Raises:
        SDError: why it cannot be started.
    """
    folder = Path(tempfile.mkdtemp(prefix="surfaces-", dir=bpy.app.tempdir))
    try:
        save_copy(folder / "scene.blend")
        survey = survey_of(scene, view_layer, folder / "survey", folder / "scene.blend", shot_frames(scene))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    name = scene.name

    def finished(job: BlenderJob, found: list[Seen], _: None) -> str:
        job.message = f"{len(found)} objects"
        _fill(bpy.data.scenes.get(name), found)
        return "Find Objects"

    return jobs.submit_work(
        lambda job, _: survey.run(job),
        label="Find Objects",
        on_result=finished,
        on_end=lambda _: shutil.rmtree(folder, ignore_errors=True),
    )


def _fill(scene: bpy.types.Scene | None, found: list[Seen]) -> None:
    if scene is None:
        return
    rows = scene.sd_core.stylise.surfaces
    rows.clear()
    for seen in sorted(found, key=lambda held: -held.share):
        row = rows.add()
        row.name, row.share, row.surface, row.found_prompt = seen.name, seen.share, seen.surface, seen.prompt
        row.object, row.material = seen.object, _material_of(seen)
        row.why = "; ".join(filter(None, (seen.why, *seen.notes)))


def _material_of(seen: Seen) -> str:
    """The material whose prompt it is, for a part of an object."""
    item = next((item for item in bpy.data.objects if item.name_full == seen.object), None)
    if item is None or not seen.slots or seen.slots[0] >= len(item.material_slots):
        return ""
    material = item.material_slots[seen.slots[0]].material
    return "" if material is None else material.name_full


def apply_to_scene(scene: bpy.types.Scene, view_layer: str, only: str = "") -> BlenderJob:
    """Start the job that paints what is not painted yet, and then shows it on the objects of the open scene.

    Args:
        only: the one object that is painted and shown; empty for all.

    Raises:
        SDError: why it cannot be started.
    """
    name = scene.name
    paintings = [_painting(scene, view_layer, only)]

    def once_more() -> jobs.Work:
        paintings.append(_painting(scene_named(name), view_layer, only))
        return partial(_packed_paints, paintings[-1])

    label = f"Repaint {only}" if only else "Apply to Scene"
    return jobs.submit_work(
        partial(_packed_paints, paintings[0]),
        label=label,
        again=once_more,
        on_frame=lambda job, event, _: show_view(job, event),
        on_result=lambda job, made, _: _apply(job, made, label),
        on_end=lambda _: paintings[-1].output.close(),
    )


def _painting(scene: bpy.types.Scene, view_layer: str, only: str) -> Painting:
    """Of a copy of the scene as it is now; its output is claimed for the current frame."""
    frame = scene.frame_current
    output = SurfaceOutput(*output_place(scene, range(frame, frame + 1)))
    output.claim(resume=False)
    try:
        copy = output.staging_path("scene.blend")
        save_copy(copy)
        return painting_of(scene, view_layer, output, copy, shot_frames(scene), only)
    except BaseException:
        output.close()
        raise


def _packed_paints(painting: Painting, job: BlenderJob, ask: jobs.Ask) -> list[tuple[Paint, dict[str, EncodedImage]]]:
    paints = painting.run(job, ask)
    packed = {path: packed_file(Path(path)) for paint in paints for path in paint.maps.values()}
    return [(paint, {kind: packed[path] for kind, path in paint.maps.items()}) for paint in paints]


def _apply(job: BlenderJob, made: list[tuple[Paint, dict[str, EncodedImage]]], label: str) -> str:
    """New materials on the objects that are still there; each image once."""
    images: dict[str, bpy.types.Image] = {}
    items, left = {item.name_full: item for item in bpy.data.objects}, []
    for paint, maps in made:
        item = items.get(paint.name)
        if item is None or not _can_show(item, paint):
            left.append(paint.name)
            continue
        own = {kind: _image(images, paint, kind, packed) for kind, packed in maps.items()}
        paint_object(item, paint, own)
    if left:
        job.warn(f"not shown, since they are linked, being edited, or changed meanwhile: {', '.join(left)}")
    return label


def _image(images: dict[str, bpy.types.Image], paint: Paint, kind: str, packed: EncodedImage) -> bpy.types.Image:
    path = paint.maps[kind]
    if path not in images:
        title = paint.title if kind == "base_color" else f"{paint.title} {kind}"
        images[path] = new_image(title, packed, SRGB if kind == "base_color" else DATA)
    return images[path]


def _can_show(item: bpy.types.Object, paint: Paint) -> bool:
    if item.library is not None or (item.data.library is not None and (paint.unwrapped or not item.material_slots)):
        return False
    if item.mode == "EDIT":
        return False
    if not paint.unwrapped or UV_MAP in item.data.uv_layers:
        return True
    return bpy.context.mode == "OBJECT" and unwrap(item)


class SDCORE_OT_find_objects(ReportingOperator, bpy.types.Operator):
    """Look at the frames of the shot and list the objects that they show"""

    bl_idname = "sdcore.find_objects"
    bl_label = "Find Objects"

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        return find_objects(context.scene, context.view_layer.name)


class SDCORE_OT_apply_surfaces(ReportingOperator, bpy.types.Operator):
    """Show the painted textures on the objects of this scene, as new materials; what is not painted yet is painted first"""

    bl_idname = "sdcore.apply_surfaces"
    bl_label = "Apply to Scene"

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        return apply_to_scene(context.scene, context.view_layer.name)


class SDCORE_OT_repaint_object(ReportingOperator, bpy.types.Operator):
    """Paint the active object with another seed; all other textures stay"""

    bl_idname = "sdcore.repaint_object"
    bl_label = "Repaint This Object"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_ready(cls, "" if context.object is not None else "Make the object to paint the active one")

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        item = context.object
        if item.library is not None:
            raise RequestError("objects", f"{item.name!r} is linked from another file", hint="make it local")
        before = item.get(SEED)
        item[SEED] = secrets.randbelow(_SEEDS)
        try:
            return apply_to_scene(context.scene, context.view_layer.name, only=item.name_full)
        except BaseException:
            _put_back(item, before)
            raise


def _put_back(item: bpy.types.Object, seed: int | None) -> None:
    if seed is None:
        del item[SEED]
    else:
        item[SEED] = seed


CLASSES = (SDCORE_OT_find_objects, SDCORE_OT_apply_surfaces, SDCORE_OT_repaint_object)
