# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a shot shows to the request that paints it, and from its result to textures; without bpy, for the job's thread."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sd_core.errors import SDError
from sd_core.passes import Camera
from sd_core.requests import Mesh, MeshTexture, ObjectPaint, SurfaceKind
from sd_core.results import Result
from sd_core.values.srgb import decode_srgb

from ..scene.png import encode_png
from ..scene.surfaces.found import TILE, Seen
from ..scene.surfaces.paint import Paint
from ..scene.surfaces.views import VIEW
from .regular import is_regular

_FINE = 1e5
"""Steps over an object's size, and over the UV map: what is closer is the same mesh, moved by rounding."""

_OWN_FIELDS = frozenset({"mesh", "objects", "views", "texture_size", "prompt", "width", "height"})
"""Fields of the request that are no common ones: an object's prompt, mesh and size are its own."""

_FLAT: Mapping[str, np.ndarray] = {
    "vertices": np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32),
    "faces": np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    "uvs": np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32),
}
"""A square that stands for whatever gets a tiling texture: Blender lays it over the object, the mesh does not matter."""


USED: Mapping[str, frozenset[str]] = {
    "views": frozenset({"base_color", "roughness", "normal"}),
    "tile": frozenset({"base_color", "roughness", "height"}),
}
"""Maps that a material shows: relief of a tile from its height, since normals would need a UV map to lie in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Objects that show one texture. key: digest of what it is made from, but for its size. arrays: of the mesh."""

    key: str
    size: int
    prompt: str
    members: tuple[Seen, ...]
    arrays: Path | None

    @property
    def first(self) -> Seen:
        return self.members[0]

    @property
    def paint(self) -> ObjectPaint:
        """What is asked for."""
        first, common = self.first, {"texture_size": self.size, "seed": self.first.seed}
        if self.arrays is None:
            return ObjectPaint(first.name, self.prompt, surface=SurfaceKind.TILE, tile_size=1.0, **common)
        return ObjectPaint(first.name, self.prompt, views=tuple(_camera(*view) for view in first.views), **common)


def groups_of(found: Sequence[Seen], folder: Path, common: MeshTexture, styled: Callable[[str], str]) -> list[Group]:
    """What is to be painted, each texture once.

    Args:
        folder: of the arrays. common: the request without objects. styled: adds the style to a prompt.
    """
    by_name, shared = {seen.name: seen for seen in found}, _common_digest(common)
    groups: dict[str, Group] = {}
    for seen in found:
        if not seen.is_painted:
            continue
        first = by_name[seen.like] if seen.like else seen
        arrays = None if seen.surface == TILE else folder / first.arrays
        prompt = styled(first.prompt)
        key = _digest(shared, _mesh_digest(arrays), first.surface, prompt, str(first.seed))
        group = groups.get(key) or Group(key=key, size=first.size, prompt=prompt, members=(), arrays=arrays)
        larger = replace(group, size=max(group.size, seen.size), members=(*group.members, seen))
        groups[key] = _first_leads(larger)
    return list(groups.values())


def painting_request(groups: Sequence[Group], common: MeshTexture) -> MeshTexture:
    """The one request for all of them."""
    arrays = [_FLAT if group.arrays is None else _read(group.arrays) for group in groups]
    starts = np.cumsum([0, *(len(held["vertices"]) for held in arrays)])
    owner = np.concatenate([np.full(len(held["faces"]), index, np.uint32) for index, held in enumerate(arrays)])
    mesh = Mesh(
        vertices=np.concatenate([held["vertices"] for held in arrays]),
        faces=np.concatenate([held["faces"] + start for held, start in zip(arrays, starts, strict=False)]).astype(
            np.int32
        ),
        uvs=np.concatenate([held["uvs"] for held in arrays]),
        object_id=owner,
        material_id=owner,
        object_names=tuple(group.first.name for group in groups),
    )
    size = max(group.size for group in groups)
    objects = tuple(_for_pictures(group.paint, common.width or VIEW) for group in groups)
    changes = {"mesh": mesh, "objects": objects, "texture_size": size}
    return MeshTexture(**{**common.changed_fields(), **changes})


def textures_of(result: Result) -> dict[str, tuple[dict[str, bytes], dict[str, Any]]]:
    """PNG files by map, and what is to be noted, by the name of the object.

    Raises:
        SDError: the result lacks a texture.
    """
    pages = {name: index for index, name in enumerate(result.report["textures"])}
    found = {}
    for held in result.report["objects"]:
        if not held["textures"]:
            continue
        name = held["textures"][0]
        if name not in pages:
            raise SDError(f"the server gave no texture for {held['name']!r}", hint="use the same version on both sides")
        picture = np.ascontiguousarray(np.asarray(result.images[pages[name]])[..., :3])
        maps = {"base_color": picture, **_other_maps(result.maps, "" if len(pages) == 1 else f".{name}")}
        about = {key: held.get(key) for key in ("prompt", "seed", "surface", "views", "seen", "seconds")}
        about |= {"mean": _mean(picture), "regular": is_regular(picture)}
        found[held["name"]] = ({kind: encode_png(plane) for kind, plane in maps.items()}, about)
    return found


def paint_of(seen: Seen, maps: Mapping[str, Path], about: Mapping[str, Any]) -> Paint:
    """How an object shows a texture."""
    return Paint(
        name=seen.object,
        slots=seen.slots,
        surface=seen.surface,
        title=f"{seen.name} painted"[:60],
        maps={kind: str(path) for kind, path in maps.items() if kind in USED[seen.surface]},
        uv_map=seen.uv_map,
        unwrapped=seen.unwrapped,
        repeat=seen.extent,
        scale=seen.scale,
        mean=tuple(about["mean"]),
        regular=bool(about["regular"]),
    )


def _first_leads(group: Group) -> Group:
    """The object that is seen largest gives its name, its cameras and its seed."""
    leader = max(group.members, key=lambda seen: (not seen.like, seen.needed, seen.share))
    return replace(group, members=(leader, *(seen for seen in group.members if seen is not leader)))


def _camera(matrix: Iterable[Iterable[float]], intrinsics: Iterable[Iterable[float]]) -> Camera:
    return Camera(np.array(matrix, np.float64), np.array(intrinsics, np.float64))


def _for_pictures(paint: ObjectPaint, side: int) -> ObjectPaint:
    """With cameras for pictures of another side than `VIEW`, px."""
    scale = np.diag([side / VIEW, side / VIEW, 1.0])
    views = tuple(Camera(view.matrix_world, scale @ np.asarray(view.intrinsics)) for view in paint.views)
    return replace(paint, views=views) if views else paint


def _common_digest(common: MeshTexture) -> str:
    held = json.loads(common.to_json())
    fields = held.get("fields", held)
    return json.dumps({name: fields[name] for name in sorted(fields) if name not in _OWN_FIELDS}, sort_keys=True)


def _mesh_digest(arrays: Path | None) -> str:
    if arrays is None:
        return ""
    held = _read(arrays)
    low = held["vertices"].min(0)
    size = max(float(np.ptp(held["vertices"], axis=0).max()), 1e-9)
    rounded = (np.rint((held["vertices"] - low) / size * _FINE), held["faces"], np.rint(held["uvs"] * _FINE))
    digest = hashlib.sha256()
    for array in rounded:
        digest.update(array.astype("<i4").tobytes())
    return digest.hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as held:
        return {name: held[name] for name in ("vertices", "faces", "uvs")}


def _other_maps(maps: Mapping[str, np.ndarray], suffix: str) -> dict[str, np.ndarray]:
    found = {}
    for name, plane in maps.items():
        kind = name.removesuffix(suffix)
        if name.endswith(suffix) and kind.isidentifier():
            found[kind] = plane[..., 0] if plane.ndim == 3 and plane.shape[-1] == 1 else plane
    return found


def _mean(picture: np.ndarray) -> list[float]:
    """Linear."""
    return [float(value) for value in decode_srgb(picture.astype(np.float32) / 255).reshape(-1, 3).mean(0)]
