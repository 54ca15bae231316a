"""What is to be done to each object of a mesh: the request's wishes, with everything filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sd_core.errors import RequestError
from sd_core.mesh.load import load_objects
from sd_core.mesh.objects import ObjectPart
from sd_core.mesh.surface import UP_Y, UP_Z
from sd_core.mesh.tiling import tile_size_of
from sd_core.models import Model, UNetInput
from sd_core.passes import Camera
from sd_core.requests import Mesh, MeshTexture, ObjectPaint, Seamless, SurfaceKind, Texture
from sd_core.requests.inherit import picture_request
from sd_core.requests.paint import check_any_painted, check_names
from sd_core.requests.resolved import seed_of

from .resolve import demand_unet_input, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectJob:
    """One object and what it is painted with. place: among all objects, from 0."""

    place: int
    part: ObjectPart
    prompt: str
    seed: int
    surface: SurfaceKind
    texture_size: int
    tile_size: float | None
    views: tuple[Camera, ...]

    def request(self, whole: MeshTexture) -> MeshTexture:
        """The request for this object alone."""
        own = {"prompt": self.prompt, "seed": self.seed, "texture_size": self.texture_size, "mesh": self.part.mesh}
        return whole.replace(objects=(), **own)

    def tile_request(self, whole: MeshTexture) -> Texture:
        """The request for its tiling texture."""
        side = self.texture_size
        return picture_request(
            whole, Texture, prompt=self.prompt, seed=self.seed, width=side, height=side, seamless=Seamless.XY
        )

    def view_name(self, index: int) -> str:
        """The file in which a view is kept."""
        return f"object_{self.place:02d}_view_{index:02d}.png"

    @property
    def tile_name(self) -> str:
        """The file in which the tiling texture is kept."""
        return f"object_{self.place:02d}_tile.png"

    def file_names(self, max_views: int) -> list[str]:
        """All files that may come to be written."""
        match self.surface:
            case SurfaceKind.KEEP:
                return []
            case SurfaceKind.TILE:
                return [self.tile_name]
            case SurfaceKind.VIEWS:
                return [self.view_name(index) for index in range(max(max_views, len(self.views)))]


def mesh_of(request: MeshTexture) -> tuple[Mesh, tuple[float, float, float]]:
    """The mesh with names for its objects, and the direction that is up.

    Raises:
        RequestError: it cannot be read; or the request names an object that it does not have, or keeps all of them.
    """
    mesh, up = (load_objects(request.mesh), UP_Y) if isinstance(request.mesh, str) else (request.mesh, UP_Z)
    check_names(request.objects, mesh.names)
    check_any_painted(request.objects, mesh.names)
    return mesh, up


def object_jobs(request: MeshTexture, parts: Sequence[ObjectPart]) -> list[ObjectJob]:
    """A job for each object, in the order of the mesh; those that the request does not name are painted from views.

    Raises:
        RequestError: it names an object that has no faces.
    """
    wishes = {paint.name: (index, paint) for index, paint in enumerate(request.objects)}
    for name, (index, _) in wishes.items():
        if all(part.name != name for part in parts):
            raise RequestError(f"objects[{index}].name", f"has no faces: {name!r}", hint="leave it out")
    return [_job(request, place, part, wishes) for place, part in enumerate(parts)]


def check_tiles(request: MeshTexture, jobs: Sequence[ObjectJob], model: Model) -> None:
    """Check that the model can make the tiling textures of a resolved request.

    Raises:
        RequestError: a size that cannot wrap; names the object. ModelMismatch: the model makes no pictures without depth.
    """
    for job in jobs:
        if job.surface is SurfaceKind.TILE:
            _check_tile(request, job, model)


def _check_tile(request: MeshTexture, job: ObjectJob, model: Model) -> None:
    try:
        texture = job.tile_request(request)
        demand_unet_input(model, UNetInput.TEXT, texture)
        resolve(texture, model)
    except RequestError as error:
        if error.field not in ("width", "height"):
            raise
        what = f"is {job.texture_size} for {job.part.name}: {error.message}"
        raise RequestError("texture_size", what, hint="use a multiple of 64") from error


def _job(request: MeshTexture, place: int, part: ObjectPart, wishes: dict[str, tuple[int, ObjectPaint]]) -> ObjectJob:
    paint = wishes[part.name][1] if part.name in wishes else ObjectPaint(part.name)
    tiled = paint.surface is SurfaceKind.TILE
    return ObjectJob(
        place=place,
        part=part,
        prompt=request.prompt if paint.prompt is None else paint.prompt,
        seed=seed_of(request) if paint.seed is None else paint.seed,
        surface=paint.surface,
        texture_size=paint.texture_size or request.texture_size,
        tile_size=(paint.tile_size or tile_size_of(part.mesh)) if tiled else None,
        views=paint.views,
    )
