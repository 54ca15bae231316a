"""A material on a sphere, a cube, a plane or a mesh, lit, in WebGL."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Bytes, Enum, Float, Int

from ._base import Widget, module, style


class Shape(Widget):
    """A solid with the maps of a material; it turns with the pointer, the arrow keys, `+` and `-`.

    Every map is an encoded picture, and every one may be missing: white, flat, half rough, no metal.
    """

    _esm = module("shape_solids", "shape_shaders", "shape")
    _css = style("shape")

    base_color = Bytes(b"").tag(sync=True)
    normal = Bytes(b"").tag(sync=True)
    """Tangent space, OpenGL's convention: green = up."""
    roughness = Bytes(b"").tag(sync=True)
    metallic = Bytes(b"").tag(sync=True)
    height = Bytes(b"").tag(sync=True)
    """Moves the surface outwards by `relief`; white = high."""
    ambient_occlusion = Bytes(b"").tag(sync=True)
    shape = Enum(["sphere", "cube", "plane", "mesh"], "sphere").tag(sync=True)
    repeat = Int(1, min=1, max=8).tag(sync=True)
    """How often the maps repeat over the solid in each direction; once on a mesh, whose coordinates are its own."""
    relief = Float(0.05, min=0.0, max=0.3).tag(sync=True)
    """Height of white above black, in units of the solid's radius."""
    vertices = Bytes(b"").tag(sync=True)
    """(v, 3) float32, Blender's axes: z up."""
    faces = Bytes(b"").tag(sync=True)
    """(t, 3) uint32, indices into `vertices`."""
    uvs = Bytes(b"").tag(sync=True)
    """(v, 2) or, one for each corner, (t, 3, 2) float32, v up."""

    def show_mesh(self, vertices: ArrayLike, faces: ArrayLike, uvs: ArrayLike) -> None:
        """Show the maps on triangles.

        Args:
            vertices: (v, 3), z up.
            faces: (t, 3), indices into `vertices`.
            uvs: (v, 2), or (t, 3, 2): one for each corner.

        Raises:
            ValueError: the shapes do not fit together.
        """
        points, triangles, coordinates = (
            np.asarray(vertices, np.float32),
            np.asarray(faces, np.uint32),
            np.asarray(uvs, np.float32),
        )
        expected = ((len(points), 2), (len(triangles), 3, 2))
        if points.shape[1:] != (3,) or triangles.shape[1:] != (3,) or coordinates.shape not in expected:
            shapes = f"{points.shape}, {triangles.shape} and {coordinates.shape}"
            msg = f"vertices, faces and uvs must be (v, 3), (t, 3) and (v, 2) or (t, 3, 2), got {shapes}"
            raise ValueError(msg)
        if triangles.size and int(triangles.max()) >= len(points):
            msg = f"faces name vertex {int(triangles.max())}, but there are {len(points)}, counted from 0"
            raise ValueError(msg)
        with self.hold_sync():
            self.vertices = points.tobytes()
            self.faces = triangles.tobytes()
            self.uvs = coordinates.tobytes()
            self.shape = "mesh"
