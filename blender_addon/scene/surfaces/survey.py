# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of a background Blender that finds out what a shot shows, and writes down each object at rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import bpy
import numpy as np

from ..passes.program import run_program, tell
from ..scripts import forbid_scripts, only_the_view
from . import rest, wishes
from .choice import Measured, choose_surface, chosen_frames, texture_side
from .found import FRAMES, KEEP, TILE, VIEWS, Seen, SurveyOrder, write_found
from .kinds import SOLID, frames_only, has_hair, kept_because
from .seen import Eyes, Sight, covered, open_eyes, rigid
from .unwrap import UV_MAP, is_paintable, surface_area, unwrap, uv_area
from .views import chosen_views

_TILE = 512
"""Least side of a tiling texture, px: what models are trained on."""

_REPEAT = 0.75
"""Share of the picture's width that one repeat takes at the usual distance."""

_LEAST = 1e-5
"""Share of the pictures below which an object is not worth a texture: a pixel in some frames."""


def main(order: str, *, scripts: bool) -> None:
    """Carry out the order in a file; ends the process.

    scripts: whether code of the file may be run.
    """
    run_program(lambda: _survey(SurveyOrder.read(Path(order)), scripts=scripts), "the shot cannot be looked at")


def _survey(order: SurveyOrder, *, scripts: bool) -> None:
    scene = bpy.data.scenes[order.scene]
    if not scripts:
        forbid_scripts(scene, pictures=False)
    if bpy.context.window is not None:
        bpy.context.window.scene = scene
        bpy.context.window.view_layer = scene.view_layers[order.view_layer]
    only_the_view(scene)
    cuts = tuple(marker.frame for marker in scene.timeline_markers if marker.camera is not None)
    frames = chosen_frames(order.frames, cuts)
    eyes = open_eyes(scene, order.view_layer, order.size, order.folder)
    rest.show_as_rendered(scene)
    hidden = _Hidden(_without_surface(scene))
    for done, frame in enumerate(frames, 1):
        eyes.look(frame)
        hidden.look(scene)
        tell({"done": done, "count": len(frames)})
    write_found(order.folder, [*_found(order, eyes), *hidden.found(len(frames))])


@dataclass(slots=True)
class _Hidden:
    """Objects that are seen without a surface, such as volumes. shares: of the pictures, summed up."""

    items: list[bpy.types.Object]
    shares: dict[str, float] = field(default_factory=dict)

    def look(self, scene: bpy.types.Scene) -> None:
        shown = [item for item in self.items if not item.hide_render]
        for name, share in covered(scene, shown).items():
            self.shares[name] = self.shares.get(name, 0.0) + share

    def found(self, frames: int) -> Iterable[Seen]:
        for item in self.items:
            share = self.shares.get(item.name_full, 0.0) / frames
            if share > _LEAST:
                yield Seen(name=item.name_full, surface=FRAMES, why=frames_only(item), share=share)


def _without_surface(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    unseen = {"VOLUME", "GREASEPENCIL", "GPENCIL"}
    items = sorted(scene.objects, key=lambda item: item.name_full)
    return [item for item in items if item.type in unseen or frames_only(item) in {"a volume", "a simulated fluid"}]


def _found(order: SurveyOrder, eyes: Eyes) -> list[Seen]:
    sights = [eyes.sights[name] for name in sorted(eyes.sights)]
    sights = [sight for sight in sights if sum(sight.pixels.values()) > _LEAST * eyes.total]
    moving = _moving(eyes.scene, sights)
    rest.put_to_rest()
    made: dict[str, Seen] = {}
    for frame in sorted({sight.best for sight in sights}):
        eyes.scene.frame_set(frame)
        for sight in sights:
            if sight.best == frame:
                made[sight.item.name_full] = _one(order, eyes, sight, moving, len(made))
    return _share_textures([made[name] for name in sorted(made)], eyes)


def _one(order: SurveyOrder, eyes: Eyes, sight: Sight, moving: dict[str, list[rest.Shape | None]], number: int) -> Seen:
    item, share = sight.item, sum(sight.pixels.values()) / eyes.total
    seen = Seen(name=item.name_full, surface=KEEP, share=share)
    why = frames_only(item)
    shapes = moving.get(item.name_full, [])
    if not why and any(shape is not None for shape in shapes) and not _same_faces(shapes):
        why = "its faces change from frame to frame"
    if why:
        return replace(seen, surface=FRAMES, why=why)
    if item.type not in SOLID:
        return replace(seen, why="it has no surface")
    kept = kept_because(item)
    seen = replace(seen, prompt=wishes.prompt_of(item, order.prompt), seed=wishes.seed_of(item))
    seen = replace(seen, notes=("its hair stays as it is",) if has_hair(item) else ())
    if kept:
        return replace(seen, why=kept)
    return _painted(order, sight, seen, shapes, number)


def _same_faces(shapes: list[rest.Shape | None]) -> bool:
    pairs = pairwise(shapes)
    return all(one is not None and other is not None and one.fits(other) for one, other in pairs)


def _painted(order: SurveyOrder, sight: Sight, seen: Seen, shapes: list[rest.Shape | None], number: int) -> Seen:
    item = sight.item
    shape = rest.shape_of(item)
    if shape is None:
        return replace(seen, surface=FRAMES, why="its faces are made while it is rendered")
    _, scale = rigid(sight.matrix)
    seen = replace(seen, scale=tuple(float(side) for side in scale))
    vertices = shape.vertices * scale.astype(np.float32)
    extent = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    seen = replace(seen, extent=extent)
    area = surface_area(vertices, shape.faces)
    needed = round(sight.density * area**0.5)
    measured = Measured(needed, extent / max(sight.near, 1e-6), sight.inside, seen.share)
    surface, why = choose_surface(measured, order.limit)
    own = wishes.surface_of(item)
    if own:
        surface, why = own, "as you say"
    if surface == VIEWS and item.type == "MESH":
        made = _with_uvs(order, sight, replace(seen, surface=VIEWS, why=why), vertices, shape, number)
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


def _with_uvs(
    order: SurveyOrder, sight: Sight, seen: Seen, vertices: np.ndarray, shape: rest.Shape, number: int
) -> Seen | None:
    item, name, made = sight.item, "", False
    layer = next((held for held in item.data.uv_layers if held.active_render), None)
    name = layer.name if layer is not None else ""
    uvs = rest.uvs_of(item, name, shape) if name else None
    if not is_paintable(uvs):
        if not unwrap(item):
            return None
        bpy.context.view_layer.update()
        name, made, uvs = UV_MAP, True, rest.uvs_of(item, UV_MAP, shape)
        if uvs is None:
            return None
    covered_area = min(1.0, max(uv_area(uvs), 0.05))
    needed = round(sight.density * (surface_area(vertices, shape.faces) / covered_area) ** 0.5)
    faces = shape.faces
    if np.prod(seen.scale) < 0:  # a mirrored object would be seen from inside
        faces, uvs = faces[:, ::-1], uvs[:, ::-1]
    arrays = f"{number:04d}.npz"
    np.savez(order.folder / arrays, vertices=vertices, faces=np.ascontiguousarray(faces), uvs=np.ascontiguousarray(uvs))
    size = texture_side(needed, order.limit)
    return replace(seen, needed=needed, size=size, arrays=arrays, uv_map=name, unwrapped=made)


def _with_views(seen: Seen, sight: Sight, shape: rest.Shape, shapes: list[rest.Shape | None]) -> Seen:
    """The shot's cameras, where the object looks in the shot as it does at rest."""
    if any(held is None or not held.equals(shape) for held in shapes):
        return replace(seen, notes=(*seen.notes, "painted at rest"))
    views = chosen_views(list(sight.looks.values()))
    plain = tuple((_rows(matrix), _rows(intrinsics)) for matrix, intrinsics in views)
    return replace(seen, views=plain)


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(f"{value:.9g}") for value in row) for row in matrix)


def _moving(scene: bpy.types.Scene, sights: list[Sight]) -> dict[str, list[rest.Shape | None]]:
    """The shapes that objects take in some frames, by name; of those alone that may change."""
    wanted: dict[int, list[Sight]] = {}
    for sight in sights:
        if not rest.may_change(sight.item) or frames_only(sight.item):
            continue
        frames = sorted(sight.pixels)
        for frame in {frames[0], frames[len(frames) // 2], frames[-1], sight.best}:
            wanted.setdefault(frame, []).append(sight)
    found: dict[str, list[rest.Shape | None]] = {}
    for frame in sorted(wanted):
        scene.frame_set(frame)
        for sight in wanted[frame]:
            found.setdefault(sight.item.name_full, []).append(rest.shape_of(sight.item))
    return found


def _share_textures(found: list[Seen], eyes: Eyes) -> list[Seen]:
    """Objects that share a mesh as it is, and a prompt, show the texture of the largest of them."""
    items = {item.name_full: item for item in eyes.numbers}
    first: dict[object, Seen] = {}
    made = []
    for seen in sorted(found, key=lambda held: (-held.size, -held.share, held.name)):
        item = items[seen.name]
        if seen.surface == VIEWS and not item.modifiers:
            key = (item.data.name_full, seen.prompt, seen.seed)
            other = first.setdefault(key, seen)
            made.append(
                seen
                if other is seen
                else replace(seen, like=other.name, uv_map=other.uv_map, unwrapped=other.unwrapped)
            )
        else:
            made.append(seen)
    return sorted(made, key=lambda held: held.name)
