# SPDX-License-Identifier: GPL-3.0-or-later
"""The current frame with painted surfaces: with the textures of its animation, where there are such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy

from .. import jobs
from ..editors import ImageEditorRef, show
from ..job import BlenderJob
from ..jobs import Ask, Work
from ..scene.images import EncodedImage, new_image, packed_file
from ..scene.passes.camera import require_camera
from ..scene.passes.render import background_command, save_copy
from ..scene.surfaces.paint import RenderOrder
from ..stylise.painting import Painting
from ..stylise.surface_output import SurfaceOutput
from .animation_parts import output_place
from .stylise_surfaces import ORDER, RENDER_PROGRAM, painting_of, render_order, rendered, scene_named, show_view


@dataclass(frozen=True, slots=True, kw_only=True)
class _Still:
    """As `_Film`, for one frame whose picture is only shown."""

    painting: Painting
    order: RenderOrder
    command: Sequence[str]

    def work(self, job: BlenderJob, ask: Ask) -> EncodedImage:
        """Look, paint, render."""
        paints = self.painting.run(job, ask)
        ((_, path),) = rendered(self, job, paints, ())
        return packed_file(path)

    def end(self, _: BlenderJob) -> None:
        self.painting.output.close()


def still_surfaces(scene: bpy.types.Scene, view_layer: str) -> BlenderJob:
    """Start the job for the current frame; returns at once.

    Raises:
        SDError: why it cannot be started.
    """
    frame, name = scene.frame_current, scene.name
    stills = [_still(scene, view_layer, frame)]

    def once_more() -> Work:
        stills.append(_still(scene_named(name), view_layer, frame))
        return stills[-1].work

    def finish(_: BlenderJob, packed: EncodedImage, __: None) -> str:
        show(new_image(f"{name} {frame} stylised", packed))
        return "Stylise Render"

    return jobs.submit_work(
        stills[0].work,
        label=f"Stylise {name} {frame}",
        again=once_more,
        on_frame=lambda job, event, _: show_view(job, event),
        on_result=finish,
        on_end=lambda job: stills[-1].end(job),  # noqa: PLW0108 - the last one by then
        place=ImageEditorRef(),
    )


def _still(scene: bpy.types.Scene, view_layer: str, frame: int) -> _Still:
    require_camera(scene)
    output = SurfaceOutput(*output_place(scene, range(frame, frame + 1)))
    output.claim(resume=False)
    try:
        copy, apart = output.staging_path("scene.blend"), output.staging_path("frames")
        save_copy(copy)
        return _Still(
            painting=painting_of(scene, view_layer, output, copy, (frame,)),
            order=render_order(scene, view_layer, (frame,), apart),
            command=background_command(copy, RENDER_PROGRAM, str(apart / ORDER)),
        )
    except BaseException:
        output.close()
        raise
