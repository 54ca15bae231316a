"""The result of a set of objects: pages, maps, one mesh with everybody's UVs, and a report by object."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sd_core.mesh.canvas import PaintedTexture
from sd_core.mesh.objects import corners_of_uvs
from sd_core.mesh.prepare import Prepared, page_of_face
from sd_core.mesh.surface import Floats, Ints
from sd_core.mesh.tiling import tile_uvs
from sd_core.requests import Mesh, MeshTexture, Seamless, SurfaceKind, TextureMap
from sd_core.results import Result
from sd_core.texture import Material, Wishes, make_material
from sd_core.values import unit_floats

from .object_jobs import ObjectJob
from .object_planning import PlannedObject
from .plan import Picture


@dataclass(frozen=True, slots=True)
class PaintedObject:
    """A finished object: no pages where it is kept.

    pages: pictures by name within the object. maps: those of each page. uvs: (t, 3, 2). page_of_face: (t,).
    """

    job: ObjectJob
    pages: Mapping[str, Picture] = field(default_factory=dict)
    maps: Sequence[Mapping[str, Floats]] = ()
    uvs: Floats | None = None
    page_of_face: Ints | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)


def tile_maps(job: ObjectJob, material: Material, up: tuple[float, float, float], *, seconds: float) -> PaintedObject:
    """An object with a tiling material."""
    assert job.tile_size is not None, "a job for a tile has its size"
    picture = np.rint(material.maps[TextureMap.BASE_COLOR] * 255).astype(np.uint8)
    uvs = tile_uvs(job.part.mesh, job.tile_size, up)
    figures = {"views": 0, "seen": 1.0, "seconds": round(seconds, 3)}
    return PaintedObject(job, {"": picture}, [_other_maps(material)], uvs, np.zeros(len(uvs), np.int64), figures)


def view_maps(
    planned: PlannedObject,
    prepared: Prepared,
    pages: Floats,
    seen: float,
    canvas: PaintedTexture,
    wishes: Wishes,
    *,
    seconds: float,
) -> PaintedObject:
    """An object that was painted from views: its `pages` (p, n, n, 3), and the share of its texels that was `seen`."""
    texels, faces = prepared.texels, len(prepared.surface.faces)
    made = [_material(page, planned.job.prompt, wishes) for page in pages]
    raw, harmonised = canvas.disagreement()
    figures = {
        "views": len(planned.cameras),
        "seen": seen,
        "seconds": round(seconds, 3),
        "uvs": planned.uvs_from,
        "cross_view_psnr": {"as_painted": raw, "harmonised": harmonised},
    }
    names = [page.name for page in texels.pages]
    pictures = {name if len(names) > 1 else "": picture for name, (picture, _) in zip(names, made, strict=True)}
    page = np.maximum(page_of_face(texels, faces), 0)
    return PaintedObject(planned.job, pictures, [maps for _, maps in made], prepared.surface.uvs, page, figures)


def assemble(
    request: MeshTexture, mesh: Mesh, painted: Sequence[PaintedObject], *, upright: bool, estimated_seconds: float
) -> Result:
    """The result of a resolved request, of all objects of its `mesh`; `upright`: y is up."""
    names = _page_names(painted)
    flat = [name for own in names for name in own]
    images = [picture for each in painted for picture in each.pages.values()]
    maps: dict[str, Floats] = {}
    for name, found in zip(flat, (each for one in painted for each in one.maps), strict=True):
        suffix = "" if len(flat) == 1 else f".{name}"
        maps |= {f"{kind}{suffix}": plane for kind, plane in found.items()}
    report: dict[str, Any] = {
        "objects": [_about(each, own) for each, own in zip(painted, names, strict=True)],
        "textures": flat,
        "up": "y" if upright else "z",
        "estimated_seconds": round(estimated_seconds, 1),
    }
    return Result(images=images, request=request, maps=maps, mesh=_joined(mesh, painted), report=report)


def _about(painted: PaintedObject, textures: Sequence[str]) -> dict[str, Any]:
    job = painted.job
    kept = job.surface is SurfaceKind.KEEP
    return {
        "name": job.part.name,
        "prompt": None if kept else job.prompt,
        "seed": None if kept else job.seed,
        "surface": str(job.surface),
        "textures": list(textures),
        "tile_size": job.tile_size,
        "texture_size": None if kept else job.texture_size,
        **({"views": 0, "seen": 0.0, "seconds": 0.0} | dict(painted.figures)),
    }


def _joined(mesh: Mesh, painted: Sequence[PaintedObject]) -> Mesh:
    """The mesh as it was given, with UVs for each corner and the number of its page for each face.

    Kept faces have the number after the last page.
    """
    own = corners_of_uvs(mesh)
    uvs = np.zeros((len(mesh.faces), 3, 2), np.float32) if own is None else own.copy()
    page = np.full(len(mesh.faces), sum(len(each.pages) for each in painted), np.int64)
    first = 0
    for each in painted:
        if each.uvs is not None and each.page_of_face is not None:
            uvs[each.job.part.faces] = each.uvs
            page[each.job.part.faces] = first + each.page_of_face
            first += len(each.pages)
    return mesh.replace(
        uvs=uvs,
        object_id=np.zeros(len(mesh.faces), np.uint32) if mesh.object_id is None else mesh.object_id,
        material_id=page.astype(np.uint32),
        object_names=mesh.names,
    )


def _page_names(painted: Sequence[PaintedObject]) -> list[list[str]]:
    """Names of the pages of each object, such as "rock" or, of several, "rock.0.1001": plain enough for files, each once."""
    taken = set[str]()
    found: list[list[str]] = []
    for each in painted:
        stem = plain = re.sub(r"[^A-Za-z0-9_-]+", "_", each.job.part.name).strip("_") or "object"
        number = 2
        while plain.lower() in taken:
            plain, number = f"{stem}_{number}", number + 1
        taken.add(plain.lower())
        found.append([f"{plain}.{own}" if own else plain for own in each.pages])
    return found


def _material(page: Floats, prompt: str, wishes: Wishes) -> tuple[Picture, dict[str, Floats]]:
    picture = np.rint(np.clip(page, 0, 1) * 255).astype(np.uint8)
    return picture, _other_maps(make_material(unit_floats(picture), prompt, Seamless.NONE, wishes=wishes))


def _other_maps(material: Material) -> dict[str, Floats]:
    """All but the base colour."""
    return {str(kind): plane for kind, plane in material.maps.items() if kind is not TextureMap.BASE_COLOR}
