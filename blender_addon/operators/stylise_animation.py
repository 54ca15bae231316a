# SPDX-License-Identifier: GPL-3.0-or-later
"""Stylise a frame range: data passes in the background, pictures from the server as they come, then a video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np
from bpy.props import BoolProperty

from sd_core.errors import RequestError, ServerError
from sd_core.events import FrameEvent, ResultEvent
from sd_core.outputs import is_whole
from sd_core.requests import Animation, Generation, Reuse, styles
from sd_core.results import Result

from .. import jobs
from ..editors import Place
from ..fields import property_fields
from ..job import BlenderJob
from ..preferences import Preferences
from ..request_plan import RequestPlan, base_plan, check_control_sizes
from ..scene import video
from ..scene.exr import read_passes
from ..scene.images import Packed, pack
from ..scene.passes.camera import render_size
from ..scene.passes.order import Order
from ..scene.passes.render import (
    COPY,
    LOG,
    ORDER,
    PASSES,
    PassRender,
    Wanted,
    background_command,
    check_again,
    order_of,
    save_copy,
)
from ..scene.sequencer import timing_of
from ..stylise.keyframes import keyframes
from ..stylise.method import SURFACES
from ..stylise.output import Output
from ..stylise.request import with_alpha
from .animation_parts import ShownFrames, output_place, refuse_open_file
from .common import Told
from .stylise_render import own_fields
from .stylise_surfaces import animate_surfaces, method_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """What the job's thread works with.

    render: of the data, into a folder apart. plan: every other field. order: of the data, where they go. copy: the scene as it
    is now; None: an earlier run is gone on with. encoding: of the video; None: none is wanted.
    """

    render: PassRender
    plan: RequestPlan
    output: Output
    order: Order
    copy: Path | None
    transparent: bool
    encoding: video.Encoding | None

    def make(self, job: BlenderJob) -> Generation:
        """The request; waits for the data."""
        if self.copy is not None:
            self.output.begin_anew(self.copy, self.order.text())
        job.tell("Rendering passes", 0.0)

        def progress(done: int, count: int) -> None:
            job.tell(f"Passes {done} / {count}", done / count)

        self._render(job, progress)
        paths = tuple(map(self.output.data, self.frames))
        request = replace(self.plan, values={**self.plan.values, "passes": paths}).make()
        job.id = self.output.job_id(request, job.id)
        return request

    def convert(self, event: FrameEvent | ResultEvent) -> Packed | None:
        """Write a picture, or in the end the video and the figures."""
        if isinstance(event, FrameEvent):
            return self._picture(event.index, np.asarray(event.image))
        self.output.write_report({"frames": event.result.report, "request": self._describe(event.result)})
        if self.encoding is not None:
            self.output.keep_video(self.encoding.write())
        return None

    def end(self, job: BlenderJob) -> None:
        """A server that does not answer may still be at the job, or take it up when it is started again."""
        if not isinstance(job.error, ServerError):
            self.output.forget_job()
        self.output.close()

    @property
    def frames(self) -> range:
        """Numbers in the scene."""
        return self.output.frames

    def pictures(self) -> list[Path]:
        """The files of all pictures, in order."""
        return [self.output.picture(frame) for frame in self.frames]

    def _render(self, job: BlenderJob, progress: Callable[[int, int], None]) -> None:
        """Render the data that are not there, and take over each frame when it is whole."""
        folder, have = self.render.order.folder, self.output.finished_data(_is_damaged)
        folder.mkdir(parents=True, exist_ok=True)
        replace(self.render.order, have=have).write(folder / ORDER)

        def finished(frame: int) -> None:
            if frame not in have:
                self.output.keep_data(frame, folder)

        try:
            self.render.run(progress, lambda: job.cancel_requested, finished, job.left_out)
        finally:
            self.output.keep_log(folder / LOG)

    def _picture(self, index: int, made: np.ndarray) -> Packed:
        if index == 0 and self.copy is not None:
            self.output.clear_pictures()
        framing, alpha = self.render.order.framing, None
        if self.transparent:
            alpha = _alpha(self.output.data(self.frames[index]), framing.overscan)
        packed = pack(framing.trim(with_alpha(made, alpha)))
        self.output.write_picture(self.frames[index], packed.png)
        return packed

    @staticmethod
    def _describe(result: Result) -> dict[str, object]:
        request = result.request
        assert isinstance(request, Animation)
        return {name: getattr(request, name) for name in property_fields(Animation)}


def stylise_animation(
    scene: bpy.types.Scene,
    view_layer: str,
    frames: range | None = None,
    *,
    again: bool = False,
    preferences: Preferences | None = None,
) -> BlenderJob:
    """Start the job; returns at once.

    Args:
        frames: None: the scene's range.
        again: take up what an earlier run left in the folder.
        preferences: in place of the user's.

    Raises:
        SDError: why it cannot be started.
    """
    wanted = frames if frames is not None else range(scene.frame_start, scene.frame_end + 1, scene.frame_step)
    if method_of(scene, wanted, again=again) == SURFACES:
        return animate_surfaces(scene, view_layer, wanted, again=again, preferences=preferences)
    film = _film(scene, view_layer, wanted, again=again)
    framing = film.render.order.framing
    size = (framing.height, framing.width)
    shown = ShownFrames(f"{scene.name} stylised", timing_of(scene, wanted.start, wanted.step), film.pictures(), size)
    return jobs.submit(
        film.make,
        label="Animation",
        convert=film.convert,
        on_frame=shown.frame,
        on_result=lambda *_: shown.sequence(),
        on_end=film.end,
        priority="batch",
        place=Place(),
        preferences=preferences,
    )


def output_of(scene: bpy.types.Scene, frames: range) -> Output:
    """The folder of this scene's animation, for some of its frames."""
    return Output(*output_place(scene, frames))


def _film(scene: bpy.types.Scene, view_layer: str, frames: range, *, again: bool) -> _Film:
    if not frames:
        raise RequestError("frames", "the frame range is empty", hint="set the start and the end of the scene")
    settings, output = scene.sd_core.stylise, output_of(scene, frames)
    check_control_sizes(scene.sd_core, render_size(scene)[::-1])
    own = {**own_fields(settings, Animation), **_own_fields(scene, frames)}
    plan = base_plan(scene.sd_core, Animation, **own)
    wanted = Wanted(overscan=settings.overscan, pictures=_needs_pictures(plan))
    order = order_of(scene, view_layer, frames, output.passes, wanted)
    copy, written = output.copy_and_order(again=again)
    if again:
        check_again(order, copy, written)
    else:
        refuse_open_file(output)
    output.begin(again=again)
    try:
        return _claimed_film(scene, plan, output, order, copy, again=again)
    except BaseException:
        output.close()
        raise


def _claimed_film(
    scene: bpy.types.Scene, plan: RequestPlan, output: Output, order: Order, copy: Path, *, again: bool
) -> _Film:
    """copy: of the scene, that is rendered; without `again` it is still to be made."""
    fresh = None if again else output.stage(COPY)
    if fresh is not None:
        save_copy(fresh)
    apart = replace(order, folder=output.stage("passes"))
    command = background_command(copy, PASSES, str(apart.folder / ORDER))
    framing, frames = order.framing, output.frames
    timing = timing_of(scene, frames.start, frames.step)
    pictures = [output.picture(frame) for frame in frames]
    encoding = video.encoding(pictures, (framing.height, framing.width), timing, output.stage(output.video.name))
    return _Film(
        render=PassRender(apart, command, output.log),
        plan=replace(plan, framing=framing),
        output=output,
        order=order,
        copy=fresh,
        transparent=scene.render.film_transparent,
        encoding=encoding if scene.sd_core.stylise.make_video else None,
    )


def _own_fields(scene: bpy.types.Scene, frames: range) -> dict[str, object]:
    settings = scene.sd_core.stylise
    changes = keyframes(scene, frames, _styled(scene.sd_core.style))
    first = next((change.prompt for change in changes if change.prompt is not None), "")
    return {
        "reuse": Reuse(noise=settings.noise) if settings.reuse else replace_noise(settings.noise),
        "keyframes": changes,
        "prompt": scene.sd_core.prompt or first,
    }


def replace_noise(noise: str) -> Reuse:
    """Nothing is carried over but the noise."""
    return Reuse(noise=noise, start=False, pin=False, attention=False, colour=False, servo=False)


def _styled(style: str):  # noqa: ANN202 - a function of a prompt
    template = "{prompt}" if style == "NONE" else styles()[style].prompt
    return lambda text: template.replace("{prompt}", text)


def _needs_pictures(plan: RequestPlan) -> bool:
    """Below a strength of 1 the frames begin from the render."""
    strengths = [plan.values["strength"], *(change.strength for change in plan.values["keyframes"])]
    return any(strength is not None and strength < 1 for strength in strengths)


def _is_damaged(path: Path) -> bool:
    """Whether data of a frame cannot be read; a sidecar is whole JSON or not."""
    if path.suffix != ".exr":
        return not is_whole(path)
    try:
        read_passes(path)
    except RequestError:
        return True
    return False


def _alpha(path: Path, overscan: int) -> np.ndarray | None:
    image = read_passes(path).image
    if image is None or image.shape[-1] != 4:
        return None
    height, width = image.shape[:2]
    return image[overscan : height - overscan, overscan : width - overscan, 3]


class SDCORE_OT_stylise_animation(Told, bpy.types.Operator):
    """Stylise every frame of the scene's range, so that it holds still"""

    bl_idname = "sdcore.stylise_animation"
    bl_label = "Stylise Animation"

    again: BoolProperty(
        name="Resume",
        description="Go on with what an earlier run has left in the output folder",
        default=False,
        options={"SKIP_SAVE"},
    )

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        return stylise_animation(context.scene, context.view_layer.name, again=self.again)


CLASSES = (SDCORE_OT_stylise_animation,)
