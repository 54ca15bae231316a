# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of a background Blender that finds out what a shot shows, and writes down each object at rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import bpy

from ..passes.program import run_program, tell
from ..scripts import forbid_scripts, remove_compositing
from . import rest
from .choice import chosen_frames
from .entries import entries_of
from .found import FRAMES, VIEWS, Seen, SurveyOrder, write_found
from .kinds import frames_only
from .seen import Eyes, Sight, covered, open_eyes

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
    remove_compositing(scene)
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
                yield Seen(
                    name=item.name_full, object=item.name_full, surface=FRAMES, why=frames_only(item), share=share
                )


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
                shapes = moving.get(sight.item.name_full, [])
                for seen in entries_of(order, sight, eyes.total, shapes):
                    made[seen.name] = seen
    return _share_textures([made[name] for name in sorted(made)], eyes)


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
        item = items[seen.object]
        if seen.surface == VIEWS and not item.modifiers:
            key = (item.data.name_full, seen.slots, seen.prompt, seen.seed)
            other = first.setdefault(key, seen)
            made.append(
                seen
                if other is seen
                else replace(seen, like=other.name, uv_map=other.uv_map, unwrapped=other.unwrapped)
            )
        else:
            made.append(seen)
    return sorted(made, key=lambda held: held.name)
