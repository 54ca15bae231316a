"""Object identity from Cryptomatte. Friedman and Jones 2015, "Fully automatic ID mattes"; specification 1.2.0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..values import Array
from .exr_file import ExrPass

_KINDS = ("cryptoobject", "cryptoasset")
"""Mattes that tell objects apart, the best first; names end like this, whatever the renderer puts before."""


def cryptomatte_ids(passes: Sequence[ExrPass], header: Mapping[str, Any]) -> Array | None:
    """(h, w) uint32: the object that covers most of each pixel, 0 where there is none; None without an object matte.

    Each rank is a pair of channels: the bits of the first are the hash of the object's name, the second is its
    coverage. Ranks are sorted by coverage, so the first pair is the answer; one that covers less than the empty rest of
    the pixel counts as none.
    """
    names = [str(value) for key, value in header.items() if key.startswith("cryptomatte/") and key.endswith("/name")]
    for kind in _KINDS:
        for name in names:
            layer = name.split(".")[-1]
            if layer.lower().endswith(kind) and (first := _first_rank(passes, layer)) is not None:
                return first
    return None


def _first_rank(passes: Sequence[ExrPass], layer: str) -> Array | None:
    """Ranks 0 and 1 lie in the pass `<layer>00`."""
    components = next((found.components for found in passes if found.name == f"{layer}00"), None)
    if components is None or "R" not in components or components["R"].dtype != np.float32:
        return None  # half floats cannot hold a hash
    ids = np.ascontiguousarray(components["R"]).view(np.uint32)
    second = components.get("A", np.zeros_like(components["R"]))
    empty = 1 - components["G"] - second
    return np.where((components["G"] > 0) & (components["G"] >= empty), ids, np.uint32(0))
