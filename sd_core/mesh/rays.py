"""What a ray meets first: Embree, the only place where it is spoken to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from .surface import Floats, Ints, Surface

_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Hits:
    """face: (n,), -1 for none; distance: (n,), inf for none; weights: (n, 3) barycentric."""

    face: Ints
    distance: Floats
    weights: Floats


class Rays:
    """Rays against one surface."""

    def __init__(self, surface: Surface) -> None:
        self._scene = EmbreeScene()
        # Embree refers to these arrays.
        self._vertices = np.ascontiguousarray(surface.vertices, np.float32)
        self._faces = np.ascontiguousarray(surface.faces, np.int32)
        TriangleMesh(self._scene, self._vertices, self._faces)

    def first(self, origins: Floats, directions: Floats) -> Hits:
        """The first face on each ray (n, 3); distances in lengths of `directions`."""
        found = [self._first(o, d) for o, d in _pieces(origins, directions)]
        return Hits(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def is_blocked(self, origins: Floats, directions: Floats) -> np.ndarray:
        """(n,) whether anything lies within one length of `directions`, (n, 3)."""
        answers = [
            self._scene.run(o, d, np.ones(len(o), np.float32), query="OCCLUDED")
            for o, d in _pieces(origins, directions)
        ]
        return np.concatenate(answers) == 0 if answers else np.zeros(0, bool)

    def _first(self, origins: Floats, directions: Floats) -> tuple[Ints, Floats, Floats]:
        found = self._scene.run(origins, directions, query="INTERSECT", output=1)
        face = found["primID"].astype(np.int64)
        u, v = found["u"], found["v"]
        distance = np.where(face < 0, np.float32(np.inf), found["tfar"])
        return face, distance, np.stack([1 - u - v, u, v], axis=-1)


def _pieces(origins: Floats, directions: Floats) -> list[tuple[Floats, Floats]]:
    starts = range(0, len(origins), _AT_ONCE)
    as_single = lambda a: np.ascontiguousarray(a, np.float32)  # noqa: E731
    return [(as_single(origins[i : i + _AT_ONCE]), as_single(directions[i : i + _AT_ONCE])) for i in starts]
