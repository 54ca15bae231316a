"""The plan for a set of objects: UVs and views of each, before anything is painted."""

from __future__ import annotations

from dataclasses import dataclass

from sd_core.errors import RequestError
from sd_core.events import Loading
from sd_core.mesh.object_views import plan_object_views
from sd_core.mesh.prepare import Prepared, prepare_mesh
from sd_core.mesh.rays import Rays
from sd_core.mesh.surface import Surface
from sd_core.mesh.texels import find_texels
from sd_core.passes import Camera
from sd_core.requests import MeshTexture, SurfaceKind
from sd_core.requests.resolved import size_of

from .object_jobs import ObjectJob
from .plan import Context


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """A job with its surface and cameras, where it is painted from views. Its texels, which are large, are found again."""

    job: ObjectJob
    surface: Surface | None = None
    uvs_from: str = ""
    cameras: tuple[Camera, ...] = ()

    @property
    def pictures(self) -> int:
        """Pictures that are to be made, at most."""
        return int(self.job.surface is SurfaceKind.TILE) + len(self.cameras)

    def prepared(self) -> Prepared:
        """The surface with its texels."""
        assert self.surface is not None, "an object that is painted from views"
        return Prepared(self.surface, find_texels(self.surface, self.job.texture_size), self.uvs_from)

    def name(self, index: int) -> str:
        """The file of a picture."""
        return self.job.tile_name if self.job.surface is SurfaceKind.TILE else self.job.view_name(index)


def plan_object(
    request: MeshTexture, job: ObjectJob, up: tuple[float, float, float], context: Context
) -> PlannedObject:
    """UVs and views of one object of a resolved request.

    Raises:
        RequestError: it has nothing to paint; names the object.
    """
    if job.surface is not SurfaceKind.VIEWS:
        return PlannedObject(job)
    told = lambda what: context.report(Loading(f"{job.part.name}: {what}"))  # noqa: E731
    told("choosing views")
    try:
        prepared = prepare_mesh(job.part.mesh, job.texture_size, up, working=told)
    except RequestError as error:
        message = f"cannot paint {job.part.name}: it {error.message}"
        raise RequestError("objects", message, hint=f"{error.hint}, or keep it") from error
    rays = Rays(prepared.surface)
    views = (job.views, request.max_views, size_of(request))
    cameras = plan_object_views(prepared.surface, prepared.texels, rays, *views)
    return PlannedObject(job, prepared.surface, prepared.reason, tuple(cameras))
