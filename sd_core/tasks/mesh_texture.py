"""Textures for meshes: painted view by view, each continuing what the views before it painted."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np

from sd_core.errors import Cancelled
from sd_core.events import Loading
from sd_core.mesh.canvas import PaintedTexture
from sd_core.mesh.prepare import Prepared, mesh_with_uvs, prepare
from sd_core.mesh.rays import Rays
from sd_core.mesh.repaint import RepaintTarget, repaint_target
from sd_core.mesh.views import ViewPlan, plan_views
from sd_core.requests import MeshTexture, Seamless
from sd_core.requests.resolved import size_of
from sd_core.results import Result
from sd_core.sources import refuse_sources
from sd_core.texture import make_material, wishes_of
from sd_core.values import unit_floats

from .mesh_objects import paint_objects
from .plan import Context
from .resolve import resolve, resume_request
from .view_painting import Painting, paint_view
from .view_store import ViewStore


def run(request: MeshTexture, context: Context, *, keep_latents: bool = False) -> Result:
    """Plan views, paint them one after another, and bring their colours to the texture.

    Raises:
        RequestError: the mesh cannot be painted, or lies in the output folder;
            `resume` finds another request's views, or a new run finds any.
        ModelNotFound, ModelMismatch, OutOfMemory, Cancelled: see `sd_core.errors`.
    """
    if context.output is not None:
        refuse_sources(request, context.output)
    if request.objects:
        return paint_objects(request, context)
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
        paint_view(Painting(resolved, context, prepared, rays, canvas, store), index, camera)
    return _result(resolved, prepared, canvas, planned)


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


def _result(request: MeshTexture, prepared: Prepared, canvas: PaintedTexture, planned: ViewPlan) -> Result:
    pages, weight = canvas.finish()
    names = [page.name for page in prepared.texels.pages]
    images = [np.rint(np.clip(page, 0, 1) * 255).astype(np.uint8) for page in pages]
    maps: dict[str, np.ndarray] = {}
    for name, page in zip(names, images, strict=True):
        material = make_material(unit_floats(page), request.prompt, Seamless.NONE, wishes=wishes_of(request))
        suffix = "" if len(names) == 1 else f".{name}"
        maps |= {f"{kind}{suffix}": plane for kind, plane in material.maps.items() if kind != "base_color"}
    raw, harmonised = canvas.disagreement()
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
