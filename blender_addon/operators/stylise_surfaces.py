# SPDX-License-Identifier: GPL-3.0-or-later
"""Animations and stills whose surfaces are painted once: all in Blenders in the background, from a copy of the scene."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import bpy

from sd_core.errors import RequestError, ServerError
from sd_core.events import FrameEvent
from sd_core.requests import MeshTexture, styles
from sd_core.values import field_specs, read_picture

from .. import jobs
from ..editors import ImageEditorRef
from ..fields import values_of
from ..job import BlenderJob
from ..jobs import Ask, Work
from ..preferences import Preferences
from ..request_fields import STYLISE
from ..request_plan import base_plan
from ..scene import video
from ..scene.images import packed_file
from ..scene.passes.camera import render_size, require_camera
from ..scene.passes.process import messages
from ..scene.passes.render import LOG, background_command, save_copy
from ..scene.sequencer import timing_of
from ..scene.surfaces.found import SurveyOrder
from ..scene.surfaces.paint import Paint, RenderOrder, picture_path
from ..scene.surfaces.views import VIEW
from ..stylise.keyframes import prompts_in
from ..stylise.method import AUTO, FRAMES, SURFACES, chosen_method
from ..stylise.output import AnimationOutput
from ..stylise.painting import Painting, Survey, file_of
from ..stylise.surface_output import SurfaceOutput
from .animation_parts import ShownFrames, output_place, refuse_open_file

SURVEY_PROGRAM, RENDER_PROGRAM = "scene.surfaces.survey", "scene.surfaces.render"

ORDER = "order.json"
"""Name of the order of a render, in the folder of its frames."""


class Rendering(Protocol):
    """A render of painted frames that waits to be run: its order without paints, and the command of the background Blender."""

    @property
    def order(self) -> RenderOrder: ...

    @property
    def command(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """What the job's thread works with.

    copy: of the scene as it is now; None: an earlier run is gone on with. text: what was ordered. order, command: of the render,
    without its paints. encoding: of the video; None: none is wanted.
    """

    painting: Painting
    copy: Path | None
    text: str
    order: RenderOrder
    command: Sequence[str]
    encoding: video.VideoEncoding | None

    @property
    def output(self) -> SurfaceOutput:
        return self.painting.output

    def work(self, job: BlenderJob, ask: Ask) -> None:
        """Look, paint, render, encode."""
        begun = time.monotonic()
        if self.copy is not None:
            self.output.replace_scene_copy(self.copy, self.text)
        paints = self.painting.run(job, ask)
        painted = time.monotonic()
        have = self.output.finished_pictures(_plain(paints))
        self._render(job, paints, have)
        seconds = {"painting": painted - begun, "rendering": time.monotonic() - painted}
        self.output.write_report({"surfaces": [json.loads(_plain([paint]))[0] for paint in paints], "seconds": seconds})
        if self.encoding is not None:
            self.output.keep_video(self.encoding.write())

    def end(self, job: BlenderJob) -> None:
        """A server that does not answer may still be at the job, or take it up when it is started again."""
        if not isinstance(job.error, ServerError):
            self.output.forget_job()
        self.output.close()

    def pictures(self) -> list[Path]:
        """The files of all pictures, in order."""
        return [self.output.picture(frame) for frame in self.output.frames]

    def _render(self, job: BlenderJob, paints: list[Paint], have: tuple[int, ...]) -> None:
        try:
            for index, path in rendered(self, job, paints, have):
                frame = self.output.frames[index]
                kept = frame in have
                _show(
                    job,
                    index,
                    self.output.picture(frame) if kept else self.output.write_picture(frame, path.read_bytes()),
                )
        finally:
            self.output.keep_log(self.order.folder / LOG)


def rendered(
    film: Rendering, job: BlenderJob, paints: list[Paint], have: tuple[int, ...]
) -> Iterator[tuple[int, Path]]:
    """(index, file) of each frame when it is there; those that were before are named too, but have no file there."""
    order = replace(film.order, have=have, paints=tuple(paints))
    order.folder.mkdir(parents=True, exist_ok=True)
    order.write(order.folder / ORDER)
    job.report_progress("Rendering", 0.0)
    if len(have) == len(order.frames):
        return
    for held in messages(film.command, order.folder / LOG, lambda: job.cancel_requested):
        if "left_out" in held:
            job.warn_omitted(held["left_out"])
        elif "frame" in held:
            yield order.frames.index(held["frame"]), picture_path(order.folder, held["frame"])


def _show(job: BlenderJob, index: int, path: Path) -> None:
    jobs.show_frame(job, FrameEvent(index, partial(read_picture, path)), packed_file(path))


def animate_surfaces(
    scene: bpy.types.Scene, view_layer: str, frames: range, *, again: bool, preferences: Preferences | None
) -> BlenderJob:
    """Start the job; returns at once.

    Args:
        again: take up what an earlier run left in the folder.
        preferences: in place of the user's.

    Raises:
        SDError: why it cannot be started.
    """
    films, name = [_film(scene, view_layer, frames, again=again)], scene.name

    def once_more() -> Work:
        films.append(_film(scene_named(name), view_layer, frames, again=True))
        return films[-1].work

    width, height = render_size(scene)
    timing = timing_of(scene, frames.start, frames.step)
    shown = ShownFrames(f"{scene.name} stylised", timing, films[0].pictures(), (height, width))
    return jobs.submit_work(
        films[0].work,
        label="Animation",
        again=once_more,
        on_frame=lambda job, event, packed: (
            show_view(job, event) if packed is None else shown.frame(job, event, packed)
        ),
        on_result=lambda *_: shown.sequence(),
        on_end=lambda job: films[-1].end(job),  # noqa: PLW0108 - the last one by then
        priority="batch",
        place=ImageEditorRef(),
        preferences=preferences,
    )


def method_of(scene: bpy.types.Scene, frames: range, *, again: bool) -> str:
    """SURFACES or FRAMES; `again`: what the earlier run was made by, where the user leaves the choice."""
    method, _ = chosen_method(scene)
    if not again or scene.sd_core.stylise.method != AUTO:
        return method
    place = output_place(scene, frames)
    there = {
        name: all(path.is_file() for path in output.copy_and_order(resume=True))
        for name, output in ((SURFACES, SurfaceOutput(*place)), (FRAMES, AnimationOutput(*place)))
    }
    return method if there[method] else next((name for name, held in there.items() if held), method)


def show_view(job: BlenderJob, event: FrameEvent) -> None:
    """Show a view of an object that has just been painted."""
    job.preview, job.message = event.image, f"View {event.index + 1}"


def shot_prompt(scene: bpy.types.Scene) -> str:
    """The prompt of the panel, else the first of the list."""
    return scene.sd_core.prompt or next((text for _, text in prompts_in(scene)), "")


def scene_named(name: str) -> bpy.types.Scene:
    """The scene that a job was started for.

    Raises:
        RequestError: it is gone.
    """
    scene = bpy.data.scenes.get(name)
    if scene is None:
        raise RequestError("scene", f"{name!r} is gone", hint="start without Resume")
    return scene


def shot_frames(scene: bpy.types.Scene, also: range = range(0)) -> tuple[int, ...]:
    """The frames of the whole shot: each task of a farm looks at all of them, so that all paint the same."""
    return tuple(sorted({*range(scene.frame_start, scene.frame_end + 1, scene.frame_step), *also}))


def painting_of(
    scene: bpy.types.Scene, view_layer: str, output: SurfaceOutput, copy: Path, frames: tuple[int, ...], only: str = ""
) -> Painting:
    """What is painted, from a copy that lies there, or will; main thread. The output is claimed already."""
    settings, style = scene.sd_core, scene.sd_core.style
    template = "{prompt}" if style == "NONE" else styles()[style].prompt
    side = settings.width - settings.width % 8 if settings.use_width else VIEW
    own = {name: spec for name, spec in STYLISE.items() if spec.name in field_specs(MeshTexture)}
    values = {
        **values_of(settings.stylise, own),
        "prompt": shot_prompt(scene),
        "mesh": "surfaces",
        "width": side,
        "height": side,
    }
    return Painting(
        survey=survey_of(scene, view_layer, output.staging_path("survey"), copy, frames),
        plan=base_plan(settings, MeshTexture, **values),
        styled=lambda text: template.replace("{prompt}", text),
        output=output,
        only=only,
    )


def survey_of(scene: bpy.types.Scene, view_layer: str, folder: Path, copy: Path, frames: tuple[int, ...]) -> Survey:
    """A look at the shot; main thread.

    Raises:
        RequestError: the scene has no camera, or a panorama.
    """
    require_camera(scene)
    order = SurveyOrder(
        scene=scene.name,
        view_layer=view_layer,
        frames=frames,
        size=render_size(scene),
        limit=scene.sd_core.stylise.surface_limit,
        prompt=shot_prompt(scene),
        folder=folder,
    )
    return Survey(order=order, command=background_command(copy, SURVEY_PROGRAM, file_of(folder)))


def _film(scene: bpy.types.Scene, view_layer: str, frames: range, *, again: bool) -> _Film:
    if not frames:
        raise RequestError("frames", "the frame range is empty", hint="set the start and the end of the scene")
    require_camera(scene)
    output = SurfaceOutput(*output_place(scene, frames))
    copy, written = output.copy_and_order(resume=again)
    if not again:
        refuse_open_file(output)
    elif not (copy.is_file() and written.is_file()):
        raise RequestError("resume", f"there is nothing in {copy.parent}", hint="start without Resume")
    output.claim(resume=again)
    try:
        return _claimed_film(scene, view_layer, output, copy, written if again else None)
    except BaseException:
        output.close()
        raise


def _claimed_film(
    scene: bpy.types.Scene, view_layer: str, output: SurfaceOutput, copy: Path, written: Path | None
) -> _Film:
    """written: what the earlier run was ordered that is gone on with."""
    frames = output.frames
    painting = painting_of(scene, view_layer, output, copy, shot_frames(scene, frames))
    text = _ordered(scene, view_layer, painting, frames)
    if written is not None and written.read_text() != text:
        hint = "change it back, or start without Resume"
        raise RequestError("resume", "the frame range, size, prompt or another setting has changed since", hint=hint)
    fresh = None if written is not None else output.staging_path("scene.blend")
    if fresh is not None:
        save_copy(fresh)
    apart = output.staging_path("frames")
    width, height = render_size(scene)
    pictures, timing = [output.picture(frame) for frame in frames], timing_of(scene, frames.start, frames.step)
    encoding = video.prepare_encoding(pictures, (height, width), timing, output.staging_path(output.video.name))
    return _Film(
        painting=painting,
        copy=fresh,
        text=text,
        order=render_order(scene, view_layer, tuple(frames), apart),
        command=background_command(copy, RENDER_PROGRAM, str(apart / ORDER)),
        encoding=encoding if scene.sd_core.stylise.make_video else None,
    )


def render_order(scene: bpy.types.Scene, view_layer: str, frames: tuple[int, ...], folder: Path) -> RenderOrder:
    """Without paints yet."""
    return RenderOrder(
        scene=scene.name,
        view_layer=view_layer,
        frames=frames,
        have=(),
        folder=folder,
        paints=(),
        devices=_devices(scene),
    )


def _devices(scene: bpy.types.Scene) -> tuple[str, ...]:
    """The graphics cards that Cycles renders this scene with: their kind, then their names."""
    if scene.render.engine != "CYCLES" or scene.cycles.device != "GPU":
        return ()
    held = bpy.context.preferences.addons["cycles"].preferences
    if held.compute_device_type == "NONE":
        return ()
    return (held.compute_device_type, *(device.name for device in held.devices if device.use))


def _ordered(scene: bpy.types.Scene, view_layer: str, painting: Painting, frames: range) -> str:
    common = json.loads(painting.common().to_json())
    order = {
        "scene": scene.name,
        "view_layer": view_layer,
        "frames": list(frames),
        "size": render_size(scene),
        "limit": painting.survey.order.limit,
        "request": common,
    }
    return json.dumps(order)


def _plain(paints: list[Paint]) -> str:
    """Paints as they are noted: files by their names, so that the folder may be moved."""
    held = [
        {
            "object": paint.name,
            "surface": paint.surface,
            "maps": {kind: Path(path).name for kind, path in paint.maps.items()},
        }
        for paint in paints
    ]
    return json.dumps(held, indent=1)
