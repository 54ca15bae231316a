# SPDX-License-Identifier: GPL-3.0-or-later
"""Stylise the current frame: its shapes from a data render in the background, its colours from the render that is shown."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.app.handlers import persistent

from sd_core.errors import RequestError, SDError
from sd_core.metadata import REQUEST
from sd_core.requests import DepthToImage, Generation
from sd_core.results import Result
from sd_core.values import field_specs

from .. import history, jobs
from ..editors import ImageEditorRef, show
from ..fields import values_of
from ..job import BlenderJob
from ..properties_stylise import SDCORE_PG_stylise
from ..request_fields import STYLISE
from ..request_plan import RequestPlan, base_plan, check_control_sizes
from ..results import FinishedImage, image_encoder
from ..scene.exr import read_passes
from ..scene.images import new_image
from ..scene.passes.camera import render_size
from ..scene.passes.render import PassOptions, PassRender, prepare_render
from ..scene.render_result import check_size, render_result
from ..stylise.request import ControlWeights, still_fields, with_alpha
from .common import ReportingOperator

_animated_scenes: set[str] = set()
"""Scenes whose last render was written to files: an animation."""


@dataclass(slots=True)
class _StillJob:
    """What the job's thread works with.

    Attributes:
        render: the data render.
        plan: every other field.
        controls: those of the frame itself, besides the depth.
        transparent: whether the picture gets the alpha of the render.
        render_image: (h, w, 4) uint8, the render, where it is needed.
        alpha: (h, w), found while the request is made.
    """

    render: PassRender
    plan: RequestPlan
    controls: ControlWeights
    transparent: bool
    render_image: np.ndarray | None
    alpha: np.ndarray | None = field(default=None)

    def make_request(self, job: BlenderJob) -> Generation:
        """The request; waits for the data."""
        folder, framing = self.render.order.folder, self.render.order.framing
        try:
            job.report_progress("Rendering depth")
            (path,) = self.render.run(is_cancelled=lambda: job.cancel_requested, on_omitted=job.warn_omitted)
            passes = read_passes(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if self.transparent:
            self.alpha = (
                self.render_image[..., 3] if self.render_image is not None else _alpha_of(passes.image, framing.trim)
            )
        fields = still_fields(
            passes, framing, self.controls, self.render_image if self.plan.values["strength"] < 1 else None
        )
        return replace(self.plan, values=self.plan.values | fields, framing=framing).make_request()

    def crop(self, picture: np.ndarray) -> np.ndarray:
        """What the model made, of the size and with the alpha of the render."""
        return with_alpha(self.render.order.framing.trim(picture), self.alpha)


def stylise_still(scene: bpy.types.Scene, view_layer: str) -> BlenderJob:
    """Start the job; returns at once.

    Raises:
        SDError: why it cannot be started.
    """
    settings = scene.sd_core.stylise
    folder = Path(tempfile.mkdtemp(prefix="stylise-", dir=bpy.app.tempdir))
    try:
        shown = _render_pixels(scene, settings, folder)
        check_control_sizes(scene.sd_core, render_size(scene)[::-1])
        plan = base_plan(scene.sd_core, DepthToImage, **render_fields(settings, DepthToImage))
        render = prepare_render(scene, view_layer, (scene.frame_current,), folder, options=PassOptions(rest=False))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    still = _StillJob(render, plan, controls_of(settings), scene.render.film_transparent, shown)
    name = f"{scene.name} {scene.frame_current}"

    def finish(_: BlenderJob, result: Result, images: list[FinishedImage]) -> str:
        image = new_image(f"{name} stylised", images[0].encoded)
        image[REQUEST] = images[0].request.to_json()
        show(image)
        return "Stylise Render"

    convert = image_encoder(history.history_folder(), still.crop)
    return jobs.submit(
        still.make_request, label=f"Stylise {name}", on_result=finish, convert=convert, editor=ImageEditorRef()
    )


def render_fields(settings: SDCORE_PG_stylise, kind: type[Generation]) -> Mapping[str, Any]:
    """Fields of the request that follow from the render and these settings rather than from the common ones."""
    added = {name: spec for name, spec in STYLISE.items() if spec.name in field_specs(kind)}
    of_the_render = {"width": None, "height": None, "num_images": 1, "seamless": "none"}
    return of_the_render | values_of(settings, added)


def controls_of(settings: SDCORE_PG_stylise) -> ControlWeights:
    """The controls besides the depth."""
    return ControlWeights(
        normal=settings.normal_scale if settings.use_normal else None,
        edges=settings.edges_scale if settings.use_edges else None,
    )


def _render_pixels(scene: bpy.types.Scene, settings: SDCORE_PG_stylise, folder: Path) -> np.ndarray | None:
    """The render: for its colours, or for its smooth alpha where there is one of the right size."""
    if settings.strength == 1 and not scene.render.film_transparent:
        return None
    try:
        shown = render_result(scene, folder)
        check_size(shown, *render_size(scene))
    except RequestError:
        if settings.strength < 1:
            raise
        return None  # the data have an alpha of their own, with hard borders
    return shown


def _alpha_of(image: np.ndarray | None, trim: Any) -> np.ndarray | None:
    return trim(image[..., 3]) if image is not None and image.shape[-1] == 4 else None


class SDCORE_OT_stylise_render(ReportingOperator, bpy.types.Operator):
    """Generate a stylised image of the current frame, guided by its depth"""

    bl_idname = "sdcore.stylise_render"
    bl_label = "Stylise Render"

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        return stylise_still(context.scene, context.view_layer.name)


@persistent
def _before_render(scene: bpy.types.Scene, *_: object) -> None:
    _animated_scenes.discard(scene.name)


@persistent
def _after_write(scene: bpy.types.Scene, *_: object) -> None:
    """Only the frames of animations are written one by one."""
    _animated_scenes.add(scene.name)


@persistent
def _after_render(scene: bpy.types.Scene, *_: object) -> None:
    """Blender calls this in the thread of the render, where nothing may be started."""
    if not bpy.app.background and scene.sd_core.stylise.on_render and scene.name not in _animated_scenes:
        bpy.app.timers.register(lambda name=scene.name: _start_after_render(name), first_interval=0.1)


def _start_after_render(name: str) -> None:
    scene = bpy.data.scenes.get(name)
    if scene is None:
        return
    layer = next((layer.name for layer in scene.view_layers if layer.use), scene.view_layers[0].name)
    try:
        stylise_still(scene, layer)
    except SDError as error:
        jobs.submit(lambda _, why=error: _raise(why), label=f"Stylise {name}")  # so that the panel shows it


def _raise(error: SDError) -> Any:
    raise error


CLASSES = (SDCORE_OT_stylise_render,)


def register() -> None:
    """Listen for finished renders."""
    for handlers, handler in _handlers():
        handlers.append(handler)


def unregister() -> None:
    """Stop listening."""
    for handlers, handler in _handlers():
        handlers.remove(handler)
    _animated_scenes.clear()


def _handlers() -> tuple[tuple[list[Any], Any], ...]:
    handlers = bpy.app.handlers
    return (
        (handlers.render_init, _before_render),
        (handlers.render_write, _after_write),
        (handlers.render_complete, _after_render),
    )
