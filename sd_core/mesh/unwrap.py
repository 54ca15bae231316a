"""UVs for meshes that have none: xatlas in a process of its own, box projection where that fails."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .box_projection import box_projection
from .surface import Floats, Ints

_WORKER = """
import sys
import numpy, xatlas
data = numpy.load(sys.argv[1], allow_pickle=False)
atlas = xatlas.Atlas()
atlas.add_mesh(data["vertices"], data["faces"].astype(numpy.uint32))
options = xatlas.PackOptions()
options.padding = int(data["padding"])
options.resolution = int(data["size"])
options.bilinear = True
atlas.generate(pack_options=options)
_, indices, uvs = atlas[0]
numpy.save(sys.argv[2], uvs[indices].astype(numpy.float32))
"""

_MOST_FACES = 120_000
"""xatlas takes a minute for this many, and much longer beyond."""

_JITTER = 1e-4
"""Share of the mesh's extent: shakes off the symmetries on which xatlas is known to crash (jpcy/xatlas, issue 151)."""


def unwrap(vertices: Floats, faces: Ints, size: int, timeout: float = 180.0) -> tuple[Floats, str]:
    """UVs (t, 3, 2) in [0, 1] without overlaps, and how they were made.

    Args:
        vertices: (v, 3).
        faces: (t, 3).
        size: side of the texture in px, from which the space between charts follows.
        timeout: seconds that xatlas may take.

    The library can take its process down with it, so it gets one that may die; it is tried again with the vertices
    moved by a hair.
    """
    if len(faces) > _MOST_FACES:
        reason = f"box projection, since {len(faces)} faces are more than the {_MOST_FACES} that xatlas handles in time"
        return box_projection(vertices, faces, size), reason
    extent = float(np.ptp(vertices, axis=0).max())
    shaken = np.random.default_rng(0).normal(0, _JITTER * extent, vertices.shape).astype(np.float32)
    for points, how in ((vertices, "xatlas"), (vertices + shaken, "xatlas, on the second try with moved vertices")):
        uvs = _in_own_process(points, faces, size, timeout)
        if uvs is not None:
            return uvs, how
    return box_projection(vertices, faces, size), "box projection, since xatlas failed twice"


def _in_own_process(vertices: Floats, faces: Ints, size: int, timeout: float) -> Floats | None:
    """None where the process crashed, hung, or gave something else than UVs."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "mesh.npz"), Path(folder, "uvs.npy")
        np.savez(given, vertices=vertices, faces=faces, padding=max(size // 256, 2), size=size)
        command = [sys.executable, "-c", _WORKER, str(given), str(made)]
        try:
            finished = subprocess.run(command, timeout=timeout, capture_output=True, check=False)  # noqa: S603 - our own program
        except subprocess.TimeoutExpired:
            return None
        if finished.returncode != 0 or not made.is_file():
            return None
        uvs = np.load(made, allow_pickle=False)
    valid = uvs.shape == (len(faces), 3, 2) and np.isfinite(uvs).all() and uvs.min() >= 0 and uvs.max() <= 1
    return uvs if valid else None
