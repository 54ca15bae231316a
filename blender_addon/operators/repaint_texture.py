# SPDX-License-Identifier: GPL-3.0-or-later
"""Repaint part of a texture on the objects that show it: where a mask is white, or the texture transparent."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import bpy
import numpy as np

from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError
from sd_core.events import FrameEvent, ResultEvent
from sd_core.requests import Mesh
from sd_core.results import Result

from .. import jobs
from ..job import BlenderJob
from ..request_plan import PixelConverter, grey, rgb
from ..scene.images import ImagePixels, image_size, read_pixels
from ..scene.material import node_label
from ..scene.mesh_arrays import JoinedMesh, join_meshes
from ..scene.projected import ProjectedTexture, texture_images
from ..scene.shown_texture import ShownTexture, find_shown_texture, replace_texture, shown_map_labels
from .common import ReportingOperator, is_ready
from .generate import transparency_mask
from .project_texture import PaintedTextures, encode_textures, mesh_plan, show_view


def repaint_texture(context: bpy.types.Context) -> BlenderJob:
    """Start the job for the selected objects; returns at once.

    Raises:
        SDError: why it cannot be started.
    """
    objects = _objects_to_repaint(context)
    shown = find_shown_texture(objects)
    gathered = _as_single_object(
        join_meshes(objects, context.evaluated_depsgraph_get(), keep_uvs=True, uv_maps=shown.uv_maps)
    )
    texture = read_pixels(bpy.data.images[shown.image])
    plan = replace(
        mesh_plan(context, gathered, texture_size=shown.side),
        pictures={"image": (texture, rgb), "mask": _mask_pixels(context, texture, shown)},
    )
    erased = context.scene.sd_core.project.repaint == "ALPHA"

    def convert(event: FrameEvent | ResultEvent) -> PaintedTextures | None:
        if not isinstance(event, ResultEvent):
            return None
        return encode_textures(event.result, 1, pbr=True, alpha=None if erased else _alpha_of(texture))

    def show_result(_: BlenderJob, result: Result, painted: PaintedTextures) -> str:
        (page,), wanted = painted.textures, shown_map_labels(shown)
        maps = {kind: tiles for kind, tiles in page.maps.items() if kind == "base_color" or node_label(kind) in wanted}
        replace_texture(shown, texture_images(painted.name, ProjectedTexture(None, maps)))
        return SDCORE_OT_repaint_texture.bl_label

    label = f"Repaint {shown.image}"
    return jobs.submit(plan.make_request, label=label, convert=convert, on_frame=show_view, on_result=show_result)


def _objects_to_repaint(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The selected meshes, else the active one: while the mask is being painted, none may be selected."""
    selected = [item for item in context.selected_objects if item.type == "MESH"]
    active = [context.object] if context.object is not None and context.object.type == "MESH" else []
    return sorted(selected or active, key=lambda item: item.name)


def _as_single_object(joined: JoinedMesh) -> JoinedMesh:
    """As a single object: the engine would give objects that overlap in the UV map textures of their own."""
    mesh = joined.mesh
    return replace(joined, mesh=Mesh(vertices=mesh.vertices, faces=mesh.faces, uvs=mesh.uvs))


def _alpha_of(texture: ImagePixels) -> np.ndarray | None:
    """(h, w) in [0, 1], which repainting leaves as it is (the outlines of leaves); None where all is opaque."""
    alpha = texture.rgba()[..., 3]
    return alpha if (alpha < 1).any() else None


def _mask_pixels(
    context: bpy.types.Context, texture: ImagePixels, shown: ShownTexture
) -> tuple[ImagePixels, PixelConverter]:
    settings = context.scene.sd_core.project
    if settings.repaint == "ALPHA":
        return texture, transparency_mask
    if settings.mask is None:
        raise RequestError(
            "mask",
            "no mask is chosen",
            hint='press "Paint Mask" and paint white where to repaint',
            code=ErrorCode.SURFACE_MASK_UNUSABLE,
        )
    height, width = image_size(settings.mask)
    if (height, width) != texture.size:
        what = f"{settings.mask.name!r} is {width} x {height} px, but {shown.image!r} {shown.side} x {shown.side}"
        raise RequestError(
            "mask", what, hint='press "Paint Mask" for one that fits', code=ErrorCode.SURFACE_MASK_UNUSABLE
        )
    return read_pixels(settings.mask), grey


class _NeedsTexture(ReportingOperator):
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode not in {"OBJECT", "PAINT_TEXTURE"}:
            return is_ready(cls, "Use Object Mode or Texture Paint")
        return is_ready(
            cls, "" if _objects_to_repaint(context) else "Select the mesh objects whose texture is to be repainted"
        )


class SDCORE_OT_repaint_texture(_NeedsTexture, bpy.types.Operator):
    """Repaint the masked part of the texture of the selected objects; the rest stays unchanged"""

    bl_idname = "sdcore.repaint_texture"
    bl_label = "Repaint Texture"

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        return repaint_texture(context)


class SDCORE_OT_paint_mask(_NeedsTexture, bpy.types.Operator):
    """Go to Texture Paint with a new mask; paint white where to repaint"""

    bl_idname = "sdcore.paint_mask"
    bl_label = "Paint Mask"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def carry_out(self, context: bpy.types.Context) -> None:
        _start_mask_painting(context)


CLASSES = (SDCORE_OT_repaint_texture, SDCORE_OT_paint_mask)


def _start_mask_painting(context: bpy.types.Context) -> None:
    """The mask becomes the canvas, and the UV map of the texture the active one."""
    item = context.object
    if item is None or item.type != "MESH":
        raise RequestError("objects", "the active object is no mesh", hint="make the object to paint on the active one")
    shown = find_shown_texture([item])
    _enter_texture_paint(context, item)
    settings = context.scene.sd_core.project
    if settings.mask is None or image_size(settings.mask) != (shown.side, shown.side):
        settings.mask = bpy.data.images.new(f"{shown.image[:40]} mask", shown.side, shown.side, alpha=False)
    settings.repaint = "IMAGE"
    item.data.uv_layers.active = item.data.uv_layers[shown.uv_maps[item.name]]
    canvas = context.scene.tool_settings.image_paint
    canvas.mode, canvas.canvas = "IMAGE", settings.mask


def _enter_texture_paint(context: bpy.types.Context, item: bpy.types.Object) -> None:
    if context.mode == "PAINT_TEXTURE":
        return
    try:
        bpy.ops.object.mode_set(mode="TEXTURE_PAINT")
    except RuntimeError as error:
        what = f"{item.name!r} cannot be painted: {error}"
        raise RequestError("objects", what, hint="make it visible, local and the active object") from error
