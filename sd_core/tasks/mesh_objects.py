"""Textures for a set of objects: each is painted by itself, from views, as a tiling texture, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from sd_core.errors import Cancelled, RequestError
from sd_core.events import FrameEvent, Loading
from sd_core.mesh.canvas import PaintedTexture
from sd_core.mesh.light import without_light
from sd_core.mesh.objects import ObjectPart, split_objects
from sd_core.mesh.rays import Rays
from sd_core.requests import Mesh, MeshTexture, Seamless, SurfaceKind
from sd_core.results import Result
from sd_core.texture import builtin_estimator, make_material, wishes_of
from sd_core.texture.colour_match import ColourStatistics, match_colours
from sd_core.values import unit_floats

from .generate import generate
from .object_context import ObjectContext, Pace
from .object_jobs import ObjectJob, check_tiles, mesh_of, object_jobs
from .object_planning import PlannedObject, plan_object
from .object_result import PaintedObject, assemble, tile_maps, view_maps
from .paint_estimate import estimate_pictures
from .plan import Context, Picture
from .resolve import resolve, resume_request
from .texture import plan_texture
from .view_painting import Painting, paint_view
from .view_reference import ViewReference
from .view_store import ViewStore

Up = tuple[float, float, float]


def paint_objects(request: MeshTexture, context: Context) -> Result:
    """Paint every object of a mesh by itself.

    Raises:
        RequestError: an object that the mesh does not have, or that cannot be painted; see also `mesh_texture.run`.
        ModelNotFound, ModelMismatch, OutOfMemory, Cancelled: see `sd_core.errors`.
    """
    mesh, up = mesh_of(request)
    parts = split_objects(mesh)
    with closing(ViewStore(request, context, _file_names(request, parts))) as store:
        model = context.model(request.model)
        noted = store.resolved_request
        resolved = resolve(request, model) if noted is None else resume_request(request, noted, model)
        jobs = object_jobs(resolved, parts)
        check_tiles(resolved, jobs, model)
        if noted is None:
            store.begin(resolved)
        return _Set(resolved, context, store, mesh, up).paint(jobs)


def _file_names(request: MeshTexture, parts: Sequence[ObjectPart]) -> list[str]:
    """Of all pictures that may come to be kept, whatever the seed."""
    jobs = object_jobs(request.replace(seed=request.seed or 0), parts)
    return [name for job in jobs for name in job.file_names(request.max_views)]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The views of one object in the folder."""

    store: ViewStore
    job: ObjectJob

    def load(self, index: int) -> Picture | None:
        return self.store.load_named(self.job.view_name(index))

    def save(self, index: int, picture: Picture) -> None:
        self.store.save_named(self.job.view_name(index), picture)


@dataclass(frozen=True, slots=True)
class _Set:
    """A set of objects while it is painted."""

    request: MeshTexture
    context: Context
    store: ViewStore
    mesh: Mesh
    up: Up

    def paint(self, jobs: Sequence[ObjectJob]) -> Result:
        planned = [self._plan(job) for job in jobs]
        seconds = self._report_estimate(planned)
        object_context = ObjectContext(self.context, Pace(seconds))
        standards: dict[tuple[str, int], ColourStatistics] = {}
        painted = [self._paint(each, object_context, standards) for each in planned]
        return assemble(self.request, self.mesh, painted, upright=bool(self.up[1]), estimated_seconds=sum(seconds))

    def _plan(self, job: ObjectJob) -> PlannedObject:
        self._stop_if_cancelled(job, "before it was begun")
        return plan_object(self.request, job, self.up, self.context)

    def _report_estimate(self, planned: Sequence[PlannedObject]) -> list[float]:
        """Seconds for each picture that may be needed, 0 for those that are there; their sum is reported."""
        there = [[self.store.holds(each.name(index)) for index in range(each.pictures)] for each in planned]
        missing = sum(not held for row in there for held in row)
        if not missing:
            return [0.0 for row in there for _ in row]
        pictures = estimate_pictures(self.request, planned, self.context)
        seconds = [
            0.0 if held else cost
            for row, costs in zip(there, pictures, strict=True)
            for held, cost in zip(row, costs, strict=True)
        ]
        objects = sum(each.job.surface is not SurfaceKind.KEEP for each in planned)
        self.context.report(Loading(_forecast(objects, missing, sum(seconds))))
        return seconds

    def _paint(
        self, planned: PlannedObject, object_context: ObjectContext, standards: dict[tuple[str, int], ColourStatistics]
    ) -> PaintedObject:
        match planned.job.surface:
            case SurfaceKind.KEEP:
                return PaintedObject(planned.job)
            case SurfaceKind.TILE:
                return self._paint_tile(planned, object_context, standards)
            case SurfaceKind.VIEWS:
                return self._paint_views(planned, object_context, standards)

    def _paint_tile(
        self, planned: PlannedObject, object_context: ObjectContext, standards: dict[tuple[str, int], ColourStatistics]
    ) -> PaintedObject:
        job, began = planned.job, perf_counter()
        self._stop_if_cancelled(job, "before its texture")
        object_context.begin(job.place, 0)
        picture = self.store.load_named(job.tile_name)
        if picture is None:
            picture = np.asarray(generate(plan_texture, job.tile_request(self.request), object_context).images[0])
            self.store.save_named(job.tile_name, picture)
        object_context.report(FrameEvent(0, picture, {"new": 1.0}))
        object_context.end()
        flat = unit_floats(picture).reshape(-1, 3)
        page = _in_one_tone(flat, job, standards).reshape(picture.shape)
        device = self.context.model(self.request.model).placement.device
        material = make_material(
            page, job.prompt, Seamless.XY, estimator=builtin_estimator(device), wishes=wishes_of(self.request)
        )
        return tile_maps(job, material, self.up, seconds=perf_counter() - began)

    def _paint_views(
        self, planned: PlannedObject, object_context: ObjectContext, standards: dict[tuple[str, int], ColourStatistics]
    ) -> PaintedObject:
        job, began = planned.job, perf_counter()
        prepared = planned.prepared()
        rays, canvas = Rays(prepared.surface), PaintedTexture(prepared)
        painting = Painting(
            job.request(self.request),
            object_context,
            prepared,
            rays,
            canvas,
            _Shelf(self.store, job),
            ViewReference(object_context),
        )
        for index, camera in enumerate(planned.cameras):
            self._stop_if_cancelled(job, f"at view {index + 1} of {len(planned.cameras)}")
            object_context.begin(job.place, index)
            paint_view(painting, index, camera)
            object_context.end()
        if not canvas.has_paint:
            raise RequestError("objects", f"cannot paint {job.part.name}: no view sees it", hint="keep it")
        colours, weight = canvas.colours()
        seen = weight > 0
        colours = without_light(colours, prepared.texels.normals(prepared.surface), seen, self.up)
        pages = canvas.pages(_in_one_tone(canvas.filled(colours, weight), job, standards))
        return view_maps(
            planned,
            prepared,
            pages,
            float(seen.mean()),
            canvas,
            wishes_of(self.request),
            seconds=perf_counter() - began,
        )

    def _stop_if_cancelled(self, job: ObjectJob, where: str) -> None:
        if self.context.is_cancelled():
            raise Cancelled(f"cancelled at {job.part.name}, {where}")


def _in_one_tone(colours: np.ndarray, job: ObjectJob, standards: dict[tuple[str, int], ColourStatistics]) -> np.ndarray:
    """Colours (n, 3) brought to those of the first object of the same prompt and seed, if this is not the first."""
    material = (job.prompt, job.seed)
    if material in standards:
        return match_colours(colours, standards[material])
    standards[material] = ColourStatistics.of(colours)
    return colours


def _forecast(objects: int, pictures: int, seconds: float) -> str:
    amount = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
    what = "1 object" if objects == 1 else f"{objects} objects"
    views = "1 view" if pictures == 1 else f"{pictures} views"
    return f"painting {what} from {views}: about {amount}"
