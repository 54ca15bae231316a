"""Render passes from OpenEXR files: Blender's multilayer files, and plain multi-part ones."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import RequestError
from ..values import Array
from ..values.srgb import encode_srgb
from .camera import read_sidecar
from .cryptomatte import cryptomatte_ids
from .exr_file import ExrFile, ExrPass, read_exr_file
from .frame_passes import FramePasses, PositionSpace

PASS_NAMES: Mapping[str, tuple[str, ...]] = {
    "depth": ("depth", "z"),
    "motion": ("vector",),
    "image": ("combined", "rgba", "beauty", ""),
    "object_index": ("object index", "indexob"),  # since and before Blender 5.0
    "position": ("position",),
    "rest_position": ("rest_position",),
    "normal": ("normal", "n"),
    "uv": ("uv",),
}
"""Names of passes by what they hold, in lower case. `rest_position` is an AOV that the host may write."""

BACKGROUND_DEPTH = 1e10
"""Blender writes this depth where there is nothing."""


def read_exr(
    path: str | os.PathLike[str], *, view_layer: str | None = None, names: Mapping[str, str] | None = None
) -> FramePasses:
    """The passes of one frame, and its camera from the sidecar `<frame>.json`.

    Args:
        path: a multilayer or multi-part EXR.
        view_layer: which one; None: the one with the most known passes, the first of equals.
        names: pass names of another renderer by key of `PASS_NAMES`, such as `{"depth": "zdepth"}`; the conventions
            must be Blender's.

    Raises:
        RequestError: no such file, damaged, or passes that break the rules of `FramePasses`; names the file.
    """
    where = Path(path)
    return frame_of(read_exr_file(where), where, view_layer=view_layer, names=names)


def frame_of(
    file: ExrFile, path: Path, *, view_layer: str | None = None, names: Mapping[str, str] | None = None
) -> FramePasses:
    """The frame that the passes of a file describe; see `read_exr`. `path` names its sidecar, and the file in errors."""
    known = {key: (names[key].lower(),) if names and key in names else found for key, found in PASS_NAMES.items()}
    try:
        passes = _of_view_layer(file.passes, view_layer, known)
        _check_names(passes, names or {})
        return _frame(passes, cryptomatte_ids(passes, file.header), known, path)
    except RequestError as error:
        raise RequestError(f"{path}: {error.field}", error.message, hint=error.hint) from error


def _of_view_layer(
    passes: Sequence[ExrPass], wanted: str | None, known: Mapping[str, tuple[str, ...]]
) -> list[ExrPass]:
    layers = dict.fromkeys(each.view_layer for each in passes)
    if wanted is not None and wanted not in layers:
        raise RequestError("view_layer", f"is not there: {wanted!r}", hint=f"use one of {', '.join(map(repr, layers))}")
    aliases = {alias for found in known.values() for alias in found}
    count = {layer: sum(p.name.lower() in aliases for p in passes if p.view_layer == layer) for layer in layers}
    chosen = wanted if wanted is not None else max(layers, key=lambda layer: count[layer])
    return [each for each in passes if each.view_layer == chosen]


def _check_names(passes: Sequence[ExrPass], names: Mapping[str, str]) -> None:
    present = [each.name for each in passes]
    for key, name in names.items():
        if key not in PASS_NAMES:
            raise RequestError(key, "is no kind of pass", hint=f"use one of {', '.join(PASS_NAMES)}")
        if name.lower() not in (each.lower() for each in present):
            raise RequestError(key, f"there is no pass {name!r}", hint=f"the file has {', '.join(map(repr, present))}")


def _frame(
    passes: Sequence[ExrPass], ids: Array | None, known: Mapping[str, tuple[str, ...]], path: Path
) -> FramePasses:
    def find(key: str) -> ExrPass | None:
        named = {each.name.lower(): each for each in reversed(passes)}
        return next((named[alias] for alias in known[key] if alias in named), None)

    def stack(key: str, count: int) -> Array | None:
        return None if (exr_pass := find(key)) is None else exr_pass.stack(count)

    sidecar = read_sidecar(path)
    rest = stack("rest_position", 3)
    if rest is not None and not rest.any():
        rest = None  # no material writes to the AOV
    return FramePasses(
        depth=None if (exr_pass := find("depth")) is None else _depth(exr_pass.only()),
        motion=stack("motion", 4),
        image=None if (exr_pass := find("image")) is None else _display(exr_pass),
        object_id=ids if ids is not None or (exr_pass := find("object_index")) is None else _index_ids(exr_pass.only()),
        position=stack("position", 3) if rest is None else rest,
        position_space=sidecar.position_space or (PositionSpace.WORLD if rest is None else PositionSpace.REST),
        normal=stack("normal", 3),
        uv=stack("uv", 2),
        camera=sidecar.camera,
        cut=sidecar.cut,
    )


def _depth(depth: Array) -> Array:
    return np.where(depth >= BACKGROUND_DEPTH, np.float32(np.inf), depth.astype(np.float32))


def _index_ids(index: Array) -> Array | None:
    """Every object has index 0 until somebody changes it, so a constant pass says nothing."""
    return None if (index == index[0, 0]).all() else np.rint(index).astype(np.uint32)


def _display(exr_pass: ExrPass) -> Array:
    """(h, w, 3|4) float32 in [0, 1]: sRGB-encoded, clipped, alpha straight and left out where all is opaque."""
    colour = np.nan_to_num(exr_pass.stack(3), posinf=1.0)
    alpha = exr_pass.components.get("A")
    if alpha is None or (alpha >= 1).all():
        return encode_srgb(np.clip(colour, 0, 1)).clip(0, 1)
    share = np.clip(alpha.astype(np.float32), 0, 1)[..., None]
    straight = np.divide(colour, share, out=np.zeros_like(colour), where=share > 0)
    return np.concatenate([encode_srgb(np.clip(straight, 0, 1)).clip(0, 1), share], axis=-1)
