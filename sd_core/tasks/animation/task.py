"""Animation: frames in order, each carrying on what the frames before it made; every one committed when it is done."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import torch

from sd_core.animation.media.frame_source import Frames, check_passes, crop_passes, open_frames, size_of_frames
from sd_core.animation.media.frame_store import FrameStore, Span
from sd_core.animation.reuse.keyframes import settings_at
from sd_core.errors import Cancelled, RequestError
from sd_core.events import FrameEvent, Loading
from sd_core.models import Model, with_adapters
from sd_core.outputs import check_space
from sd_core.passes import FramePasses, finite_range
from sd_core.requests import Animation
from sd_core.requests.resolved import size_of, steps_of
from sd_core.results import Result
from sd_core.sources import refuse_sources
from sd_core.values import Array, unit_floats

from ..plan import Context, Picture
from ..progress import FrameProgress
from ..resolve import resolve, resume_request
from ..seams import seamless_vae
from .frame_request import FrameInput
from .inputs import AnimationFiles
from .prepare import FramePreparer, PreparedFrame, prefetch
from .render_frame import FrameRenderer
from .start import AnimationRun

_STATE_BYTES = 32 * 6
"""Per pixel, of what a run needs besides its pictures: at most some 30 images of 6 bytes, measured, and the state itself."""


def run(request: Animation, context: Context, *, keep_latents: bool = False) -> Result:
    """Make every frame, or those that an earlier run left to be made.

    Raises:
        RequestError: bad input, naming the frame; a frame lies in the output folder;
            `resume` finds another request's frames, or a new run finds any.
        ModelNotFound, ModelMismatch, OutOfMemory, OutputError, Cancelled: see `sd_core.errors`.
    """
    frames = open_frames(request)
    if context.output is not None:
        refuse_sources(request, context.output)
    how = {"resume": context.resume, "overwrite": context.overwrite, "warn": context.warn}
    with closing(FrameStore(context.output, request, frames.count, **how)) as store:
        model = context.model(request.model)
        if store.resolved_request is not None:
            resolved = resume_request(request, store.resolved_request, model)
        else:
            resolved = _resolve(request, frames, model, context)
            _check_space(resolved, frames, context)
            store.begin(resolved)
        in_model = with_adapters(model, resolved.loras, resolved.image_prompt)
        with in_model as adapters, seamless_vae(resolved, model), torch.no_grad():
            _run(
                AnimationRun(resolved, model, adapters, context),
                frames,
                store,
                AnimationFiles(resolved, model, store.inputs),
            )
        return Result(images=store.pictures(), request=resolved, report=_report(resolved, store))


def _run(animation: AnimationRun, frames: Frames, store: FrameStore, inputs: AnimationFiles) -> None:
    """Make what is missing, and tell of each frame in order."""
    progress = _progress(animation, frames.count)
    reported = 0
    spans = store.spans()
    kept = set(range(frames.count)).difference(*(range(span.first, span.stop) for span in spans))
    for change in inputs.changes(kept):
        animation.context.warn(change)
    if store.resolved_request is not None:
        animation.context.decisions["frames"] = f"{len(kept)} kept, {frames.count - len(kept)} made"
    for span in spans:
        _report_frames(animation.context, store, range(reported, span.first))
        _render_span(animation, frames, store, span, progress, inputs)
        reported = span.stop
    _report_frames(animation.context, store, range(reported, frames.count))
    store.remove_leftovers()


def _report_frames(context: Context, store: FrameStore, finished: range) -> None:
    for index in finished:
        context.report(FrameEvent(index, partial(store.picture, index), _finite_figures(store.figures[index])))


def _render_span(
    animation: AnimationRun,
    frames: Frames,
    store: FrameStore,
    span: Span,
    progress: FrameProgress,
    inputs: AnimationFiles,
) -> None:
    request, context = animation.request, animation.context
    preparer = FramePreparer(animation, lambda index: _open_frame(animation, frames, index, None))
    before = None if span.state is None else _open_frame(animation, frames, span.first - 1, None)
    if span.state is not None and before is not None:
        preparer.restore(span.state, before)
    renderer = FrameRenderer(animation, store, None if before is None else store.image(before.index))
    progress.begin(span.first)
    with closing(prefetch(_prepare_frames(animation, frames, preparer, span, before, inputs))) as prepared_frames:
        for prepared in prepared_frames:
            index = prepared.frame.index
            if context.is_cancelled():
                raise Cancelled(f"cancelled at frame {index + 1} of {frames.count}; resume goes on from there")
            rendered = renderer.render(prepared, progress.on_step)
            figures = rendered.figures | {"seconds": round(progress.end(), 3)}
            progress.begin(index + 1)
            picture = _picture(rendered.image, prepared.frame.passes, animation.margin)
            report = partial(_report, request, store)
            store.inputs = inputs.commit(index)
            store.commit(
                index,
                picture,
                figures,
                rendered.state,
                rendered.stored_image,
                needed_frames=rendered.needed_frames,
                report=report,
            )
            context.report(FrameEvent(index, partial(store.picture, index), figures))


def _prepare_frames(
    animation: AnimationRun,
    frames: Frames,
    preparer: FramePreparer,
    span: Span,
    before: FrameInput | None,
    inputs: AnimationFiles,
) -> Generator[PreparedFrame]:
    """The frames of a span, ready to be painted. before: the frame before that, if there is one."""
    for index in range(span.first, span.stop):
        inputs.note_files(index)
        before = _open_frame(animation, frames, index, before)
        yield preparer.prepare(before)


def _progress(animation: AnimationRun, count: int) -> FrameProgress:
    preview = animation.context.preview(animation.model)
    return FrameProgress(
        animation.context, preview, count, steps_of(animation.request), animation.margin // animation.scale
    )


def _open_frame(animation: AnimationRun, frames: Frames, index: int, before: FrameInput | None) -> FrameInput:
    """A frame, cut to what is generated: the picture and as much of the extra border as is generated."""
    request, margin = animation.request, animation.margin
    height, width = size_of(request)
    size = (height + 2 * margin, width + 2 * margin)
    whole = frames.open(index)
    _check_size(index, whole, request)
    earlier = None if before is None else before.passes
    passes = check_passes(index, crop_passes(whole, request.overscan - margin), earlier, size)
    return FrameInput(index, passes, settings_at(request, index))


def _check_size(index: int, passes: FramePasses, request: Animation) -> None:
    height, width = size_of(request)
    size = (height + 2 * request.overscan, width + 2 * request.overscan)
    if passes.size != size:
        got = "no passes" if passes.size is None else f"{passes.size[1]} x {passes.size[0]} px"
        message = f"frame {index}: has {got}, the first one {size[1]} x {size[0]}"
        raise RequestError("passes", message, hint="render all frames at one size")


def _resolve(request: Animation, frames: Frames, model: Model, context: Context) -> Animation:
    """The request with every open field filled in; all frames that are quick to read are checked first."""
    height, width = size_of_frames(frames, request.overscan)
    for field, given, needed in (("width", request.width, width), ("height", request.height, height)):
        if given is not None and given != needed:
            hint = "leave it out, or render the passes at another size"
            raise RequestError(field, f"is {given}, but the passes give {needed}", hint=hint)
    sized = resolve(request.replace(width=width, height=height), model)
    if frames.estimated:
        return sized
    found = _scan(sized, frames, context)
    return sized.replace(depth_range=found) if sized.depth_range is None and found is not None else sized


def _scan(request: Animation, frames: Frames, context: Context) -> tuple[float, float] | None:
    """One depth range for all frames: a range for each would make a still object flicker."""
    context.report(Loading(f"reading {frames.count} frames"))
    ranges: list[tuple[float, float]] = []
    before = None
    for index in range(frames.count):
        if context.is_cancelled():
            raise Cancelled("cancelled while the frames were read")
        passes = frames.open(index)
        _check_size(index, passes, request)
        before = check_passes(index, passes, before, passes.size or (0, 0))
        if passes.depth is not None and np.isfinite(passes.depth).any():
            ranges.append(finite_range(passes.depth))
    return (min(near for near, _ in ranges), max(far for _, far in ranges)) if ranges else None


def _picture(image: Array, passes: FramePasses, margin: int) -> Picture:
    """(h, w, 3) uint8 within the margin, or (h, w, 4) with the alpha of the passes' own picture."""
    inner = slice(margin, -margin or None)
    eight_bit = np.rint(np.clip(image[inner, inner], 0, 1) * np.float32(255)).astype(np.uint8)
    if passes.image is None or passes.image.shape[2] == 3:
        return np.ascontiguousarray(eight_bit)
    alpha = np.rint(unit_floats(passes.image[inner, inner, 3:]) * 255).astype(np.uint8)
    return np.concatenate([eight_bit, alpha], axis=2)


def _check_space(request: Animation, frames: Frames, context: Context) -> None:
    """Refuse what would end with a full disk: pictures as if nothing could be packed, and what one state needs."""
    if context.output is not None and request.width is not None and request.height is not None:
        check_space(context.output, request.width * request.height * (3 * frames.count + _STATE_BYTES))


def _report(request: Animation, store: FrameStore) -> Mapping[str, Any]:
    return {
        "request": _summary(request),
        "frames": list(store.figures),
        "depth_range": None if request.depth_range is None else list(request.depth_range),
        "cuts": [int(figures["index"]) for figures in store.figures if figures.get("cut") and figures["index"] > 0],
    }


def _summary(request: Animation) -> dict[str, Any]:
    """The request without what may be long: passes given as arrays or as many paths."""
    import json

    fields = json.loads(request.to_json())
    if not isinstance(request.passes, str):
        fields["passes"] = f"{len(request.passes)} frames"
    return fields


def _finite_figures(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if name != "index"}
