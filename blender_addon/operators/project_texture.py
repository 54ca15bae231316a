# SPDX-License-Identifier: GPL-3.0-or-later
"""Paint the selected objects from cameras, shaped by their depth: the server plans the views, paints and bakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from sd_core.errors import RequestError
from sd_core.events import FrameEvent, ResultEvent
from sd_core.passes import Camera
from sd_core.requests import MeshTexture
from sd_core.results import Result

from .. import jobs
from ..fields import values_of
from ..job import BlenderJob
from ..request_fields import PROJECT
from ..request_plan import RequestPlan, base_plan
from ..results import image_name
from ..scene.images import EncodedImage, encode_image
from ..scene.mesh_arrays import JoinedMesh, join_meshes
from ..scene.passes.camera import camera_for, require_camera
from ..scene.projected import ProjectedTexture, apply_textures
from ..stylise.request import with_alpha
from .common import ReportingOperator, is_ready

_CELL, _SIDE = 8, 512


@dataclass(frozen=True, slots=True)
class PaintedTextures:
    """Textures ready for Blender, made in the job's thread. uvs: (t, 3, 2) of a new UV map. coverage: share painted."""

    name: str
    textures: list[ProjectedTexture]
    uvs: np.ndarray | None
    coverage: float


def project_texture(context: bpy.types.Context) -> BlenderJob:
    """Start the job for the selected objects; returns at once.

    Raises:
        SDError: why it cannot be started.
    """
    scene, settings = context.scene, context.scene.sd_core.project
    keep_uvs = settings.uvs == "EXISTING"
    gathered = join_meshes(
        sorted(context.selected_objects, key=_name), context.evaluated_depsgraph_get(), keep_uvs=keep_uvs
    )
    plan = mesh_plan(context, gathered, texture_size=settings.texture_size - settings.texture_size % _CELL)
    count = len(gathered.objects)

    def convert(event: FrameEvent | ResultEvent) -> PaintedTextures | None:
        return encode_textures(event.result, count, pbr=settings_pbr) if isinstance(event, ResultEvent) else None

    def show_result(job: BlenderJob, result: Result, painted: PaintedTextures) -> str:
        apply_textures(painted.name, gathered.objects, painted.textures, None if keep_uvs else painted.uvs)
        job.message = f"{painted.coverage:.0%}"
        return "Project Texture"

    settings_pbr = settings.pbr
    return jobs.submit(
        plan.make_request,
        label=f"Project onto {_title(scene, gathered)}",
        convert=convert,
        on_frame=show_view,
        on_result=show_result,
    )


def show_view(job: BlenderJob, event: FrameEvent, _: object) -> None:
    """Show a finished view in the panel."""
    job.preview, job.message = event.image, f"View {event.index + 1}"


def _name(item: bpy.types.Object) -> str:
    return item.name


def _title(scene: bpy.types.Scene, joined: JoinedMesh) -> str:
    first, *others = joined.objects
    return first.name if not others else f"{len(others) + 1} objects"


def mesh_plan(context: bpy.types.Context, joined: JoinedMesh, *, texture_size: int) -> RequestPlan:
    """The request for gathered meshes, seen as the panel says.

    Raises:
        RequestError: there are no cameras for it.
    """
    common, settings = context.scene.sd_core, context.scene.sd_core.project
    size, views = _view_cameras(context)
    own = values_of(settings, PROJECT) | {"mesh": joined.mesh, "views": views, "texture_size": texture_size}
    if size is not None:
        own |= {"height": size[0], "width": size[1]}
    return base_plan(common, MeshTexture, **own)


def _view_cameras(context: bpy.types.Context) -> tuple[tuple[int, int] | None, tuple[Camera, ...] | None]:
    """(height, width) of the views and their cameras; None, None: the server's choice."""
    scene = context.scene
    match scene.sd_core.project.views:
        case "AUTO":
            return None, None
        case "CAMERA":
            cameras = [require_camera(scene)]
        case _:
            cameras = sorted((item for item in context.selected_objects if item.type == "CAMERA"), key=_name)
    if not cameras:
        raise RequestError("views", "no camera is selected", hint="select the cameras together with the objects")
    size = _view_size(scene)
    depsgraph = context.evaluated_depsgraph_get()
    views = [camera_for(camera, depsgraph, size) for camera in cameras]
    if None in views:
        raise RequestError("views", "a camera is orthographic", hint="use perspective cameras")
    return size, tuple(view for view in views if view is not None)


def _view_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """(height, width) with the proportions of the render; its longer side is the chosen width, else 512 px."""
    render, common = scene.render, scene.sd_core
    wide, high = render.resolution_x * render.pixel_aspect_x, render.resolution_y * render.pixel_aspect_y
    side = common.width if common.use_width else _SIDE
    scale = side / max(wide, high)
    height, width = (max(_CELL, round(length * scale / _CELL) * _CELL) for length in (high, wide))
    return height, width


def encode_textures(result: Result, count: int, *, pbr: bool, alpha: np.ndarray | None = None) -> PaintedTextures:
    """The textures of a result, packed; for the job's thread.

    Args:
        count: of the parts that have a texture each.
        pbr: with the other maps than the base colour.
        alpha: (h, w) in [0, 1] of the base colour, for a result with one texture; None: it is opaque.
    """
    names, report = list(result.report["textures"]), result.report
    own = str(result.decisions.get("uvs", "")).startswith("the mesh's own")
    maps_by_page: dict[int | None, dict[str, dict[int, EncodedImage]]] = {}
    for index, name in enumerate(names):
        material, *_, tile = name.split(".")
        maps = {"base_color": with_alpha(np.asarray(result.images[index]), alpha)}
        maps |= _maps_of_texture(result.maps, "" if len(names) == 1 else f".{name}") if pbr else {}
        page = maps_by_page.setdefault(int(material) if own and count > 1 else None, {})
        for kind, picture in maps.items():
            page.setdefault(kind, {})[int(tile)] = encode_image(picture)
    pages = [ProjectedTexture(part, maps) for part, maps in maps_by_page.items()]
    uvs = None if own else np.asarray(result.mesh.uvs)
    return PaintedTextures(image_name(result.request), pages, uvs, float(report["seen"]))


def _maps_of_texture(maps: Mapping[str, np.ndarray], suffix: str) -> dict[str, Any]:
    return {name.removesuffix(suffix): tiles for name, tiles in maps.items() if name.endswith(suffix)}


class SDCORE_OT_project_texture(ReportingOperator, bpy.types.Operator):
    """Generate a texture for the selected objects from several views, guided by their depth"""

    bl_idname = "sdcore.project_texture"
    bl_label = "Project Texture"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            return is_ready(cls, "Go to Object Mode first")
        return is_ready(cls, "" if context.selected_objects else "Select the objects to paint")

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        return project_texture(context)


CLASSES = (SDCORE_OT_project_texture,)
