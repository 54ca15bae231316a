"""One view of a mesh: what it continues, the picture, and its colours on the texture."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from sd_core.diffusion.edits import StartAt
from sd_core.diffusion.images import to_pixels
from sd_core.diffusion.latents import encode, latent_scale
from sd_core.events import FrameEvent
from sd_core.mesh.canvas import REFINED, PaintedTexture, ViewStart
from sd_core.mesh.gather import look_up
from sd_core.mesh.prepare import Prepared
from sd_core.mesh.rays import Rays
from sd_core.mesh.render import RenderedView, render
from sd_core.mesh.views import seen_cosines
from sd_core.passes import Camera
from sd_core.requests import DepthToImage, MeshTexture
from sd_core.requests.inherit import picture_request
from sd_core.requests.resolved import size_of
from sd_core.values import unit_floats

from .depth_to_image import plan_depth_to_image
from .generate import generate
from .plan import BatchPlan, Context, Picture, TaskEnv
from .starts import noise_of
from .view_reference import ViewReference

_SHARPNESS = 4.0
"""Exponent of the cosine in the mean of views: where they agree, the view from the front is the sharpest."""

_NOT_WORTH_IT = 0.002
"""Share of a view's pixels, of those that are to be painted at all, below which nothing is left to paint."""


class ViewShelf(Protocol):
    """Where finished views are kept by number."""

    def load(self, index: int) -> Picture | None:
        """A view that was finished before."""
        ...

    def save(self, index: int, picture: Picture) -> None:
        """Keep a view."""
        ...


@dataclass(frozen=True, slots=True)
class Painting:
    """A surface while it is painted; `request` is resolved."""

    request: MeshTexture
    context: Context
    prepared: Prepared
    rays: Rays
    canvas: PaintedTexture
    store: ViewShelf
    reference: ViewReference | None = None


def paint_view(job: Painting, index: int, camera: Camera) -> None:
    """Paint one view, or take it from an earlier run, and give its colours to the canvas."""
    surface, texels = job.prepared.surface, job.prepared.texels
    view = render(surface, job.rays, camera, size_of(job.request))
    view_start = job.canvas.view_start(view) if job.canvas.has_paint else None
    if not (view.face >= 0).any() or (view_start is not None and _is_done(view_start, job.canvas)):
        return
    picture = job.store.load(index)
    if picture is None:
        picture = _paint_view(job, view, view_start)
        job.store.save(index, picture)
    if job.reference is not None and not job.reference.is_recorded:
        job.reference.record(_view_request(job, view), picture)
    colours = look_up(unit_floats(picture), view, surface, texels, job.rays, power=_SHARPNESS)
    positions, normals = texels.positions(surface), texels.normals(surface)
    cosines = seen_cosines(positions[colours.index], normals[colours.index], camera, surface, job.rays, view.size)
    job.canvas.add(colours, cosines)
    figures = {"new": 1.0 if view_start is None else view_start.new, "texels": float(len(colours.index))}
    job.context.report(FrameEvent(index, picture, figures))


def _is_done(view_start: ViewStart, canvas: PaintedTexture) -> bool:
    return view_start.new < _NOT_WORTH_IT * canvas.to_paint and bool((view_start.start != REFINED).all())


def _paint_view(job: Painting, view: RenderedView, view_start: ViewStart | None) -> Picture:
    request = _view_request(job, view)
    planner = plan_depth_to_image if view_start is None else partial(_plan_continuation, view_start=view_start)
    with nullcontext() if job.reference is None else job.reference.attended(request):
        return np.asarray(generate(planner, request, job.context).images[0])


def _view_request(job: Painting, view: RenderedView) -> DepthToImage:
    return picture_request(job.request, DepthToImage, depth=view.depth)


def _plan_continuation(request: DepthToImage, env: TaskEnv, *, view_start: ViewStart) -> BatchPlan:
    """Every pixel starts at its own step: what is painted stays, what was seen badly is refined, the rest is new."""
    plan = plan_depth_to_image(request, env)
    schedule = plan.schedule
    reference = encode(env.model, to_pixels(view_start.picture), env.generators)
    noise = noise_of(env, size_of(request))
    start = _cells(view_start.start, latent_scale(env.model)) * schedule.end.count
    edit = StartAt(schedule, start.floor().to(env.device), reference, noise)
    return replace(plan, latents=noise * schedule.init_noise_sigma, edits=(*plan.edits, edit))


def _cells(start: np.ndarray, scale: int) -> Tensor:
    """(1, 1, lh, lw): a cell with any new pixel is new."""
    pixels = torch.from_numpy(start)[None, None]
    return -torch.nn.functional.max_pool2d(-pixels, scale)
