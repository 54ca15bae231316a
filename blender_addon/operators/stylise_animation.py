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

from .. import history, jobs
from ..editors import ImageEditorRef, show
from ..fields import property_fields
from ..job import BlenderJob
from ..preferences import Preferences
from ..request_plan import RequestPlan, base_plan, check_control_sizes
from ..scene import video
from ..scene.exr import read_passes
from ..scene.folders import output_folder
from ..scene.images import EncodedImage, encode_image, fill_image, new_image
from ..scene.passes.camera import render_size
from ..scene.passes.order import RenderOrder
from ..scene.passes.render import (
    COPY,
    LOG,
    ORDER,
    PASSES_PROGRAM,
    PassOptions,
    PassRender,
    background_command,
    check_resume,
    render_order,
    save_copy,
)
from ..scene.sequencer import Timing, new_sequence_scene, timing_of
from ..stylise.keyframes import keyframes
from ..stylise.output import AnimationOutput, run_tag
from ..stylise.request import with_alpha
from .common import ReportingOperator
from .stylise_render import render_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class _AnimationJob:
    """What the job's thread works with.

    render: of the data, into a folder apart. plan: every other field. order: of the data, where they go. copy: the scene as it
    is now; None: an earlier run is gone on with. encoding: of the video; None: none is wanted.
    """

    render: PassRender
    plan: RequestPlan
    output: AnimationOutput
    order: RenderOrder
    copy: Path | None
    transparent: bool
    encoding: video.VideoEncoding | None

    def make_request(self, job: BlenderJob) -> Generation:
        """The request; waits for the data."""
        if self.copy is not None:
            self.output.replace_scene_copy(self.copy, self.order.to_json())
        job.report_progress("Rendering passes", 0.0)

        def progress(done: int, count: int) -> None:
            job.report_progress(f"Data passes: frame {done} of {count}", done / count)

        self._render_passes(job, progress)
        paths = tuple(map(self.output.data, self.frames))
        request = replace(self.plan, values={**self.plan.values, "passes": paths}).make_request()
        job.id = self.output.job_id(request, job.id)
        return request

    def convert(self, event: FrameEvent | ResultEvent) -> EncodedImage | None:
        """Write a picture, or in the end the video and the figures."""
        if isinstance(event, FrameEvent):
            return self._write_picture(event.index, np.asarray(event.image))
        self.output.write_report({"frames": event.result.report, "request": self._request_summary(event.result)})
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

    def picture_paths(self) -> list[Path]:
        """The files of all pictures, in order."""
        return [self.output.picture(frame) for frame in self.frames]

    def _render_passes(self, job: BlenderJob, progress: Callable[[int, int], None]) -> None:
        """Render the data that are missing, and store each frame when it is complete."""
        folder, have = self.render.order.folder, self.output.frames_with_data(_is_damaged)
        folder.mkdir(parents=True, exist_ok=True)
        replace(self.render.order, have=have).write(folder / ORDER)

        def keep_frame(frame: int) -> None:
            if frame not in have:
                self.output.keep_data(frame, folder)

        try:
            self.render.run(progress, lambda: job.cancel_requested, keep_frame, job.warn_omitted)
        finally:
            self.output.keep_log(folder / LOG)

    def _write_picture(self, index: int, picture: np.ndarray) -> EncodedImage:
        if index == 0 and self.copy is not None:
            self.output.clear_pictures()
        framing, alpha = self.render.order.framing, None
        if self.transparent:
            alpha = _alpha(self.output.data(self.frames[index]), framing.overscan)
        packed = encode_image(framing.trim(with_alpha(picture, alpha)))
        self.output.write_picture(self.frames[index], packed.png)
        return packed

    @staticmethod
    def _request_summary(result: Result) -> dict[str, object]:
        request = result.request
        assert isinstance(request, Animation)
        return {name: getattr(request, name) for name in property_fields(Animation)}


def stylise_animation(
    scene: bpy.types.Scene,
    view_layer: str,
    frames: range | None = None,
    *,
    resume: bool = False,
    preferences: Preferences | None = None,
) -> BlenderJob:
    """Start the job; returns at once.

    Args:
        frames: None: the scene's range.
        resume: take up what an earlier run left in the folder.
        preferences: in place of the user's.

    Raises:
        SDError: why it cannot be started.
    """
    wanted = frames if frames is not None else range(scene.frame_start, scene.frame_end + 1, scene.frame_step)
    film = _prepare_job(scene, view_layer, wanted, resume=resume)
    shown = _ResultDisplay(f"{scene.name} stylised", timing_of(scene, wanted.start, wanted.step), film)
    return jobs.submit(
        film.make_request,
        label="Animation",
        convert=film.convert,
        on_frame=shown.show_frame,
        on_result=shown.show_result,
        on_end=film.end,
        priority="batch",
        editor=ImageEditorRef(),
        preferences=preferences,
    )


def output_of(scene: bpy.types.Scene, frames: range) -> AnimationOutput:
    """The folder of this scene's animation, for some of its frames."""
    name = bpy.path.clean_name(scene.name)
    whole = range(scene.frame_start, scene.frame_end + 1, scene.frame_step)
    folder = output_folder(scene.sd_core.stylise.output, name, history.user_folder())
    return AnimationOutput(folder, name, frames, run_tag(frames, whole))


def _prepare_job(scene: bpy.types.Scene, view_layer: str, frames: range, *, resume: bool) -> _AnimationJob:
    if not frames:
        raise RequestError("frames", "the frame range is empty", hint="set the start and the end of the scene")
    settings, output = scene.sd_core.stylise, output_of(scene, frames)
    check_control_sizes(scene.sd_core, render_size(scene)[::-1])
    own = {**render_fields(settings, Animation), **_animation_fields(scene, frames)}
    plan = base_plan(scene.sd_core, Animation, **own)
    wanted = PassOptions(overscan=settings.overscan, pictures=_has_low_strength(plan))
    order = render_order(scene, view_layer, frames, output.passes, wanted)
    copy, written = output.copy_and_order(resume=resume)
    if resume:
        check_resume(order, copy, written)
    else:
        _refuse_open_file(output)
    output.claim(resume=resume)
    try:
        return _job_on_claimed_output(scene, plan, output, order, copy, resume=resume)
    except BaseException:
        output.close()
        raise


def _refuse_open_file(output: AnimationOutput) -> None:
    """A new run replaces the copy of the scene that an earlier one left, which may be what is being worked on."""
    for name in (bpy.data.filepath, *(library.filepath for library in bpy.data.libraries)):
        path = Path(bpy.path.abspath(name)) if name else None
        if path is not None and output.is_scene_copy(path):
            message = f"{path} is in use by this Blender and would be overwritten: it lies in the output folder {output.folder}"
            raise RequestError("output", message, hint="choose another folder, or save the scene elsewhere")


def _job_on_claimed_output(
    scene: bpy.types.Scene, plan: RequestPlan, output: AnimationOutput, order: RenderOrder, copy: Path, *, resume: bool
) -> _AnimationJob:
    """copy: of the scene, that is rendered; without `resume` it is still to be made."""
    fresh = None if resume else output.staging_path(COPY)
    if fresh is not None:
        save_copy(fresh)
    apart = replace(order, folder=output.staging_path("passes"))
    command = background_command(copy, PASSES_PROGRAM, str(apart.folder / ORDER))
    framing, frames = order.framing, output.frames
    timing = timing_of(scene, frames.start, frames.step)
    pictures = [output.picture(frame) for frame in frames]
    encoding = video.prepare_encoding(
        pictures, (framing.height, framing.width), timing, output.staging_path(output.video.name)
    )
    return _AnimationJob(
        render=PassRender(apart, command, output.log),
        plan=replace(plan, framing=framing),
        output=output,
        order=order,
        copy=fresh,
        transparent=scene.render.film_transparent,
        encoding=encoding if scene.sd_core.stylise.make_video else None,
    )


def _animation_fields(scene: bpy.types.Scene, frames: range) -> dict[str, object]:
    settings = scene.sd_core.stylise
    changes = keyframes(scene, frames, _style_function(scene.sd_core.style))
    first = next((change.prompt for change in changes if change.prompt is not None), "")
    return {
        "reuse": Reuse(noise=settings.noise) if settings.reuse else reuse_noise_only(settings.noise),
        "keyframes": changes,
        "prompt": scene.sd_core.prompt or first,
    }


def reuse_noise_only(noise: str) -> Reuse:
    """Nothing but the noise is reused."""
    return Reuse(noise=noise, start=False, pin=False, attention=False, colour=False, servo=False)


def _style_function(style: str):  # noqa: ANN202 - a function of a prompt
    template = "{prompt}" if style == "NONE" else styles()[style].prompt
    return lambda text: template.replace("{prompt}", text)


def _has_low_strength(plan: RequestPlan) -> bool:
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


@dataclass(slots=True)
class _ResultDisplay:
    """What the user sees of it: one image that changes, then a scene with the sequence. Names, for datablocks come and go."""

    name: str
    timing: Timing
    animation: _AnimationJob
    image: str = ""

    def show_frame(self, job: BlenderJob, event: FrameEvent, packed: EncodedImage) -> None:
        """Show a finished frame."""
        count = len(self.animation.frames)
        job.message, job.progress = f"{event.index + 1} / {count}", (event.index + 1) / count
        image = bpy.data.images.get(self.image) if self.image else None
        if image is None:
            image = new_image(self.name, packed)
            self.image = image.name
            job.editor = None  # from now on the finished frames are shown there
            show(image)
        else:
            fill_image(image, packed)

    def show_result(self, job: BlenderJob, result: Result, _: object) -> str:
        """Put the pictures into a sequencer."""
        framing = self.animation.render.order.framing
        size = (framing.height, framing.width)
        new_sequence_scene(self.name, self.animation.picture_paths(), size, self.timing)
        return "Stylise Animation"


class SDCORE_OT_stylise_animation(ReportingOperator, bpy.types.Operator):
    """Stylise all frames of the scene without flicker"""

    bl_idname = "sdcore.stylise_animation"
    bl_label = "Stylise Animation"

    again: BoolProperty(
        name="Resume",
        description="Continue an interrupted run in the output folder",
        default=False,
        options={"SKIP_SAVE"},
    )

    def carry_out(self, context: bpy.types.Context) -> BlenderJob:
        return stylise_animation(context.scene, context.view_layer.name, resume=self.again)


CLASSES = (SDCORE_OT_stylise_animation,)
