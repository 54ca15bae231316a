"""Textures for meshes: painted view by view, each continuing what the views before it painted."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sd_core.diffusion.edits import StartAt
from sd_core.diffusion.images import to_pixels
from sd_core.diffusion.latents import encode, latent_scale
from sd_core.errors import Cancelled
from sd_core.events import FrameEvent, Loading
from sd_core.mesh.canvas import REFINED, PaintedTexture, ViewStart
from sd_core.mesh.gather import look_up
from sd_core.mesh.prepare import Prepared, mesh_with_uvs, prepare
from sd_core.mesh.rays import Rays
from sd_core.mesh.render import RenderedView, render
from sd_core.mesh.repaint import RepaintTarget, repaint_target
from sd_core.mesh.views import ViewPlan, plan_views, seen_cosines
from sd_core.passes import Camera
from sd_core.requests import DepthToImage, MeshTexture, Seamless
from sd_core.requests.inherit import picture_request
from sd_core.requests.resolved import size_of
from sd_core.results import Result
from sd_core.sources import refuse_sources
from sd_core.texture import Wishes, make_material
from sd_core.values import unit_floats

from .depth_to_image import plan_depth_to_image
from .generate import generate
from .plan import BatchPlan, Context, Picture, TaskEnv
from .resolve import resolve, resume_request
from .starts import noise_of
from .view_store import ViewStore

_SHARPNESS = 4.0
"""Exponent of the cosine in the mean of views: where they agree, the view from the front is the sharpest."""

_NOT_WORTH_IT = 0.002
"""Share of a view's pixels, of those that are to be painted at all, below which nothing is left to paint."""


def run(request: MeshTexture, context: Context, *, keep_latents: bool = False) -> Result:
    """Plan views, paint them one after another, and bring their colours to the texture.

    Raises:
        RequestError: the mesh cannot be painted, or lies in the output folder;
            `resume` finds another request's views, or a new run finds any.
        ModelNotFound, ModelMismatch, OutOfMemory, Cancelled: see `sd_core.errors`.
    """
    if context.output is not None:
        refuse_sources(request, context.output)
    with closing(ViewStore(request, context)) as store:
        model = context.model(request.model)
        if store.resolved_request is not None:
            return _paint_views(resume_request(request, store.resolved_request, model), context, store)
        resolved = resolve(request, model)
        store.begin(resolved)
        return _paint_views(resolved, context, store)


def _paint_views(resolved: MeshTexture, context: Context, store: ViewStore) -> Result:
    prepared = prepare(resolved.mesh, resolved.texture_size, working=lambda what: context.report(Loading(what)))
    context.decisions["uvs"] = prepared.reason
    rays = Rays(prepared.surface)
    repainted = _texture_to_repaint(resolved, prepared)
    planned = _plan_views(resolved, prepared, rays, repainted)
    canvas = PaintedTexture(prepared, repainted)
    for index, camera in enumerate(planned.cameras):
        if context.is_cancelled():
            raise Cancelled(f"cancelled at view {index + 1} of {len(planned.cameras)}")
        _paint(_MeshRun(resolved, context, prepared, rays, canvas, store), index, camera)
    return _result(resolved, prepared, canvas, planned)


@dataclass(frozen=True, slots=True)
class _MeshRun:
    request: MeshTexture
    context: Context
    prepared: Prepared
    rays: Rays
    canvas: PaintedTexture
    store: ViewStore


def _texture_to_repaint(request: MeshTexture, prepared: Prepared) -> RepaintTarget | None:
    """The texture of which a part is to be repainted."""
    if request.image is None or request.mask is None:
        return None
    return repaint_target(prepared, unit_floats(request.image), unit_floats(request.mask))


def _plan_views(request: MeshTexture, prepared: Prepared, rays: Rays, target: RepaintTarget | None) -> ViewPlan:
    """Views of all texels, or of those that are to be repainted."""
    if request.views is not None:
        return ViewPlan(request.views, float("nan"), float("nan"))
    texels = prepared.texels if target is None else prepared.texels.only(~target.kept)
    return plan_views(prepared.surface, texels, rays, request.max_views, size_of(request))


def _paint(job: _MeshRun, index: int, camera: Camera) -> None:
    """Paint one view, or take it from an earlier run, and give its colours to the canvas."""
    surface, texels = job.prepared.surface, job.prepared.texels
    view = render(surface, job.rays, camera, size_of(job.request))
    brief = job.canvas.view_start(view) if job.canvas.has_paint else None
    if not (view.face >= 0).any() or (brief is not None and _is_done(brief, job.canvas)):
        return
    picture = job.store.load(index)
    if picture is None:
        picture = _paint_view(job, view, brief)
        job.store.save(index, picture)
    colours = look_up(unit_floats(picture), view, surface, texels, job.rays, power=_SHARPNESS)
    positions, normals = texels.positions(surface), texels.normals(surface)
    cosines = seen_cosines(positions[colours.index], normals[colours.index], camera, surface, job.rays, view.size)
    job.canvas.add(colours, cosines)
    figures = {"new": 1.0 if brief is None else brief.new, "texels": float(len(colours.index))}
    job.context.report(FrameEvent(index, picture, figures))


def _is_done(start: ViewStart, texture: PaintedTexture) -> bool:
    return start.new < _NOT_WORTH_IT * texture.to_paint and bool((start.start != REFINED).all())


def _paint_view(job: _MeshRun, view: RenderedView, start: ViewStart | None) -> Picture:
    request = job.request
    view_request = picture_request(request, DepthToImage, depth=view.depth)
    planner = plan_depth_to_image if start is None else partial(_plan_continuation, view_start=start)
    return np.asarray(generate(planner, view_request, job.context).images[0])


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


def _result(request: MeshTexture, prepared: Prepared, texture: PaintedTexture, planned: ViewPlan) -> Result:
    pages, weight = texture.finish()
    names = [page.name for page in prepared.texels.pages]
    images = [np.rint(np.clip(page, 0, 1) * 255).astype(np.uint8) for page in pages]
    maps: dict[str, np.ndarray] = {}
    for name, page in zip(names, images, strict=True):
        wishes = Wishes(relief=request.relief, invert_height=request.invert_height, metallic=request.metallic)
        material = make_material(unit_floats(page), request.prompt, Seamless.NONE, wishes=wishes)
        suffix = "" if len(names) == 1 else f".{name}"
        maps |= {f"{kind}{suffix}": plane for kind, plane in material.maps.items() if kind != "base_color"}
    raw, harmonised = texture.disagreement()
    report: dict[str, Any] = {
        "views": len(planned.cameras),
        "textures": names,
        "up": "z" if prepared.surface.up[2] else "y",
        "seen": float((weight > 0).mean()),
        "cross_view_psnr": {"as_painted": raw, "harmonised": harmonised},
    }
    if request.views is None:
        report |= {"coverage_of_reachable": planned.coverage, "reachable": planned.reachable}
    views = planned.cameras if request.views is None else request.views
    return Result(
        images=images, request=request.replace(views=views), maps=maps, mesh=mesh_with_uvs(prepared), report=report
    )
