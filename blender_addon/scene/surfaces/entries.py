# SPDX-License-Identifier: GPL-3.0-or-later
"""An object of a shot as it is to be painted: one entry, or one for each of its materials that have prompts of their own."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise

import bpy
import numpy as np

from . import rest, wishes
from .choice import Measured, choose_surface, texture_side
from .found import FRAMES, KEEP, TILE, VIEWS, Seen, SurveyOrder
from .kinds import SOLID, frames_only, has_hair, keeps_its_look, kept_because
from .seen import Sight, rigid
from .unwrap import UV_MAP, is_paintable, surface_area, unwrap, uv_area
from .views import chosen_views

_TILE = 512
"""Least side of a tiling texture, px: what models are trained on."""

_REPEAT = 0.75
"""Share of the picture's width that one repeat takes at the usual distance."""


def entries_of(order: SurveyOrder, sight: Sight, total: int, shapes: list[rest.Shape | None]) -> list[Seen]:
    """What is to be done with an object.

    Args:
        total: pixels of all pictures. shapes: those that it takes in some frames, where it may change at all.
    """
    item = sight.item
    share = sum(sight.pixels.values()) / total
    seen = Seen(name=item.name_full, object=item.name_full, surface=KEEP, share=share, seed=wishes.seed_of(item))
    why = frames_only(item) or ("" if _same_faces(shapes) else "its faces change from frame to frame")
    if why:
        return [replace(seen, surface=FRAMES, why=why)]
    if item.type not in SOLID:
        return [replace(seen, why="it has no surface")]
    seen = replace(seen, prompt=wishes.prompt_of(item, order.prompt))
    kept = kept_because(item)
    if kept:
        return [replace(seen, why=kept)]
    shape = rest.shape_of(item)
    if shape is None:
        return [replace(seen, surface=FRAMES, why="its faces are made while it is rendered")]
    seen = replace(seen, notes=("its hair stays as it is",) if has_hair(item) else ())
    parts = _parts(item, seen, shape, order.prompt)
    return [_painted(order, sight, part, shape, shapes) for part in parts]


def _parts(item: bpy.types.Object, seen: Seen, shape: rest.Shape, prompt: str) -> list[Seen]:
    """Where materials have different prompts, each is painted by itself; what looks like glass or shines is left out."""
    by_prompt: dict[str, list[int]] = {}
    for index, slot in enumerate(item.material_slots):
        if slot.material is None or not keeps_its_look(slot.material):
            by_prompt.setdefault(wishes.slot_prompt(item, slot.material, prompt), []).append(index)
    used = set(np.unique(shape.slots).tolist())
    wanted = {text: [slot for slot in slots if slot in used] for text, slots in by_prompt.items()}
    wanted = {text: slots for text, slots in wanted.items() if slots}
    if len(wanted) < 2:
        return [replace(seen, prompt=next(iter(wanted), seen.prompt))]
    areas = {text: surface_area(shape.vertices, shape.only(tuple(slots)).faces) for text, slots in wanted.items()}
    return [
        replace(
            seen,
            name=f"{seen.object} / {_name_of(item, slots[0])}",
            slots=tuple(slots),
            prompt=text,
            share=seen.share * areas[text] / max(sum(areas.values()), 1e-12),
        )
        for text, slots in wanted.items()
    ]


def _name_of(item: bpy.types.Object, slot: int) -> str:
    material = item.material_slots[slot].material
    return str(slot + 1) if material is None else material.name


def _same_faces(shapes: list[rest.Shape | None]) -> bool:
    """Where none has faces of its own, they are the same as well."""
    if all(shape is None for shape in shapes):
        return True
    return all(one is not None and other is not None and one.fits(other) for one, other in pairwise(shapes))


def _painted(order: SurveyOrder, sight: Sight, seen: Seen, shape: rest.Shape, shapes: list[rest.Shape | None]) -> Seen:
    item = sight.item
    _, scale = rigid(sight.matrix)
    seen = replace(seen, scale=tuple(float(side) for side in scale))
    vertices = shape.vertices * scale.astype(np.float32)
    extent = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    seen = replace(seen, extent=extent)
    area = surface_area(vertices, shape.only(seen.slots).faces)
    needed = round(sight.density * area**0.5)
    measured = Measured(needed, extent / max(sight.near, 1e-6), sight.inside, seen.share)
    surface, why = choose_surface(measured, order.limit)
    own = wishes.surface_of(item)
    if own:
        surface, why = own, "as you say"
    if surface == VIEWS and item.type == "MESH":
        made = _with_uvs(order, sight, replace(seen, surface=VIEWS, why=why), vertices, shape)
        if made is not None:
            return _with_views(made, sight, shape, shapes)
        why = "it can have no UV map"
    elif surface == VIEWS:
        why = "a curve or text has no UV map"
    return _tiled(order, sight, replace(seen, surface=TILE, why=why, needed=needed))


def _tiled(order: SurveyOrder, sight: Sight, seen: Seen) -> Seen:
    size = min(order.limit, max(_TILE, texture_side(round(sight.density * sight.width * _REPEAT), 2 * _TILE)))
    own = sight.item.get(wishes.TILE_SIZE)
    repeat = float(own) if own else max(_REPEAT * sight.width, seen.extent / 200)
    return replace(seen, size=size, extent=float(f"{repeat:.3g}"))


def _with_uvs(order: SurveyOrder, sight: Sight, seen: Seen, vertices: np.ndarray, shape: rest.Shape) -> Seen | None:
    """With its triangles in a file; None where there can be no UV map."""
    found = _uv_map(sight.item, shape)
    if found is None:
        return None
    name, made = found
    part = shape.only(seen.slots)
    uvs = rest.uvs_of(sight.item, name, part)
    assert uvs is not None, "the whole has them"
    covered = min(1.0, max(uv_area(uvs), 1e-4))
    needed = round(sight.density * (surface_area(vertices, part.faces) / covered) ** 0.5)
    faces = part.faces
    if np.prod(seen.scale) < 0:  # a mirrored object would be seen from inside
        faces, uvs = faces[:, ::-1], uvs[:, ::-1]
    used, packed = np.unique(faces, return_inverse=True)
    arrays = f"{hashlib.sha256(seen.name.encode()).hexdigest()[:16]}.npz"
    np.savez(
        order.folder / arrays,
        vertices=vertices[used],
        faces=packed.reshape(-1, 3).astype(np.int32),
        uvs=np.ascontiguousarray(uvs),
    )
    size = texture_side(needed, order.limit)
    return replace(seen, needed=needed, size=size, arrays=arrays, uv_map=name, unwrapped=made)


def _uv_map(item: bpy.types.Object, shape: rest.Shape) -> tuple[str, bool] | None:
    """A UV map that can be painted into, and whether it was made for that; None where there can be none."""
    layer = next((held for held in item.data.uv_layers if held.active_render), None)
    if layer is not None and is_paintable(rest.uvs_of(item, layer.name, shape)):
        return layer.name, layer.name == UV_MAP
    if not unwrap(item):
        return None
    bpy.context.view_layer.update()
    return None if rest.uvs_of(item, UV_MAP, shape) is None else (UV_MAP, True)


def _with_views(seen: Seen, sight: Sight, shape: rest.Shape, shapes: list[rest.Shape | None]) -> Seen:
    """The shot's cameras, where the object looks in the shot as it does at rest."""
    if any(held is None or not held.equals(shape) for held in shapes):
        return replace(seen, notes=(*seen.notes, "painted at rest"))
    views = chosen_views(list(sight.looks.values()))
    plain = tuple((_rows(matrix), _rows(intrinsics)) for matrix, intrinsics in views)
    return replace(seen, views=plain)


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(f"{value:.9g}") for value in row) for row in matrix)
