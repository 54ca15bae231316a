# SPDX-License-Identifier: GPL-3.0-or-later
"""What the frames of a shot show: a small picture of object numbers and distances for each, and figures by object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bpy
import numpy as np

from ..exr import read_blender_exr
from ..passes.camera import camera_for
from ..passes.data_scene import set_for_data
from .views import Look

SIDE = 200
"""Px of the longer side of the pictures that are looked at."""

_BACKGROUND = 1e9
_INDEX = frozenset({"IndexOB", "Object Index"})
_NEAR_SHARE = 95
"""Percentile of the sizes of texels in a frame: the very nearest ones are few."""


@dataclass(slots=True)
class Sight:
    """An object over the frames.

    pixels: by frame. density: most pixels of the render that a scene unit takes. near: least distance. width: of what the render
    shows at its usual distance, scene units. looks: by frame. inside: whether a camera is within its bounds. matrix: where it is
    in its best frame.
    """

    item: bpy.types.Object
    pixels: dict[int, int] = field(default_factory=dict)
    density: float = 0.0
    near: float = np.inf
    width: float = 0.0
    looks: dict[int, Look] = field(default_factory=dict)
    inside: bool = False
    matrix: np.ndarray = field(default_factory=lambda: np.eye(4))

    @property
    def best(self) -> int:
        """The frame that shows most of it."""
        return max(self.pixels, key=lambda frame: (self.pixels[frame], -frame))


@dataclass(slots=True)
class Eyes:
    """A scene that renders what is where. numbers: objects by their number, from 1. size: (width, height) px of the real render."""

    scene: bpy.types.Scene
    numbers: Sequence[bpy.types.Object]
    size: tuple[int, int]
    folder: Path
    sights: dict[str, Sight] = field(default_factory=dict)
    total: int = 0

    def look(self, frame: int) -> None:
        """Render a frame and take it down."""
        self.scene.frame_set(frame)
        index, depth = self._render()
        self.total += index.size
        depsgraph = bpy.context.evaluated_depsgraph_get()
        places = _places(depsgraph)
        camera = self.scene.camera
        seen = camera_for(camera, depsgraph, self.size[::-1], _aspect(self.scene))
        eye = np.array(camera.evaluated_get(depsgraph).matrix_world)
        for number in np.unique(index):
            if not 0 < number <= len(self.numbers):
                continue
            item = self.numbers[number - 1]
            sight = self.sights.setdefault(item.name_full, Sight(item))
            mask = index == number
            focal = self._focal(seen, camera)
            self._measure(sight, frame, depth[mask], focal, orthographic=seen is None)
            own, copies = places.get(item.name_full, (None, []))
            sight.inside |= any(_is_inside(eye[:3, 3], item, place) for place in ([own] if own is not None else copies))
            if sight.best == frame:
                sight.matrix = own if own is not None else (copies or [np.eye(4)])[0]
            if own is not None and seen is not None and not copies:
                sight.looks[frame] = _look(mask, seen, own, self.size)

    def _measure(self, sight: Sight, frame: int, depth: np.ndarray, focal: float, *, orthographic: bool) -> None:
        seen = depth[depth < _BACKGROUND]
        if not len(seen):
            return
        sight.pixels[frame] = len(seen)
        density = np.full(len(seen), focal) if orthographic else focal / np.maximum(seen, 1e-6)
        sight.density = max(sight.density, float(np.percentile(density, _NEAR_SHARE)))
        sight.near = min(sight.near, float(np.percentile(seen, 100 - _NEAR_SHARE)))
        if sight.best == frame:
            sight.width = self.size[0] / float(np.median(density))

    def _focal(self, seen: object, camera: bpy.types.Object) -> float:
        if seen is None:
            return max(self.size) / camera.data.ortho_scale
        return float(seen.intrinsics[0, 0])  # pyright: ignore[reportAttributeAccessIssue]

    def _render(self) -> tuple[np.ndarray, np.ndarray]:
        path = self.folder / "look.exr"
        self.scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True, scene=self.scene.name)
        passes = {held.name: held.components for held in read_blender_exr(path).passes}
        path.unlink()
        index = next(held for name, held in passes.items() if name in _INDEX)
        values = next(iter(index.values()))
        return np.rint(values).astype(np.int64), next(iter(passes["Depth"].values()))


def open_eyes(scene: bpy.types.Scene, view_layer: str, size: tuple[int, int], folder: Path) -> Eyes:
    """Turn a scene of a copied file into one that renders numbers of objects."""
    set_for_data(scene, view_layer, frozenset({"z", "object_index"}))
    share = min(1.0, SIDE / max(size))
    scene.render.resolution_x, scene.render.resolution_y = (max(4, round(side * share)) for side in size)
    numbers = sorted(bpy.data.objects, key=lambda item: item.name_full)
    for number, item in enumerate(numbers, 1):
        item.pass_index = number
    return Eyes(scene, numbers, size, folder)


def covered(scene: bpy.types.Scene, items: Iterable[bpy.types.Object], share: float = 1.0) -> dict[str, float]:
    """Share of the picture that the bounds of objects take at the current frame, by name, for what no pass shows."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    seen = camera_for(scene.camera, depsgraph, (100, 100))
    if seen is None:
        return {item.name_full: 0.0 for item in items}
    inverse, found = np.linalg.inv(np.asarray(seen.matrix_world)), {}
    for item in items:
        matrix = np.array(item.evaluated_get(depsgraph).matrix_world)
        corners = np.array([(*corner, 1) for corner in item.bound_box]) @ (inverse @ matrix).T
        if (corners[:, 2] > -1e-6).all():
            continue
        depth = np.maximum(-corners[:, 2], 1e-3)
        flat = (
            np.stack([corners[:, 0], -corners[:, 1]], 1) / depth[:, None] @ np.asarray(seen.intrinsics)[:2, :2].T + 50
        )
        low, high = np.clip(flat.min(0), 0, 100), np.clip(flat.max(0), 0, 100)
        found[item.name_full] = float(np.prod(high - low)) / 1e4 * share
    return found


def rigid(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A world matrix as a rigid one and a scale (3,) before it; shear is left out."""
    scale = np.linalg.norm(matrix[:3, :3], axis=0)
    scale[scale == 0] = 1
    if np.linalg.det(matrix[:3, :3]) < 0:
        scale = -scale
    turn = matrix[:3, :3] / scale
    left, _, right = np.linalg.svd(turn)
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = left @ right, matrix[:3, 3]
    return made, scale


def _look(mask: np.ndarray, seen: object, place: np.ndarray, size: tuple[int, int]) -> Look:
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    wide, high = size[0] / mask.shape[1], size[1] / mask.shape[0]
    bounds = (columns[0] * wide, rows[0] * high, (columns[-1] + 1) * wide, (rows[-1] + 1) * high)
    camera = np.asarray(seen.matrix_world, np.float64)  # pyright: ignore[reportAttributeAccessIssue]
    intrinsics = np.asarray(seen.intrinsics, np.float64)  # pyright: ignore[reportAttributeAccessIssue]
    matrix = np.linalg.inv(rigid(place)[0]) @ camera
    away = matrix[:3, 3] / max(float(np.linalg.norm(matrix[:3, 3])), 1e-9)
    return Look(int(mask.sum()), matrix, intrinsics, bounds, away)


def _places(depsgraph: bpy.types.Depsgraph) -> dict[str, tuple[np.ndarray | None, list[np.ndarray]]]:
    """World matrices by object: its own, and those of its instances."""
    found: dict[str, tuple[np.ndarray | None, list[np.ndarray]]] = {}
    for instance in depsgraph.object_instances:
        name, matrix = instance.object.original.name_full, np.array(instance.matrix_world)
        own, copies = found.get(name, (None, []))
        found[name] = (own, [*copies, matrix]) if instance.is_instance else (matrix, copies)
    return found


def _is_inside(eye: np.ndarray, item: bpy.types.Object, place: np.ndarray) -> bool:
    if abs(np.linalg.det(place[:3, :3])) < 1e-12:
        return False
    own = np.linalg.inv(place) @ (*eye, 1)
    corners = np.array(item.bound_box)
    return bool(((own[:3] > corners.min(0)) & (own[:3] < corners.max(0))).all())


def _aspect(scene: bpy.types.Scene) -> tuple[float, float]:
    return scene.render.pixel_aspect_x, scene.render.pixel_aspect_y
