"""Where a result is going to be written, looked at before the work: a known suffix, room, nothing that would be lost."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from .encoding import ENCODERS
from .error_codes import ErrorCode
from .errors import RequestError, SDError
from .files import check_name, refuse_way_out
from .metadata import REQUEST, read_png_text
from .outputs import check_folder, check_space
from .passes import as_depth
from .requests import Generation, MeshTexture, Output, Request, Texture, TextureMap, is_json_of, kind_of
from .values import InvalidValue, array_digest, as_control, as_mask, as_picture

_FOLDERS = (Output.MATERIAL, Output.MESH)
"""What is written as a folder where a path has no suffix."""

_TEXEL_BYTES = 24
"""Per pixel of a texture with all its maps as PNG, if nothing could be packed."""


def check_destination(request: Request, path: Path, *, overwrite: bool, sources: Iterable[Path] = ()) -> None:
    """Check that the result of a request can be saved at `path`.

    Args:
        overwrite: whether what is there may be replaced.
        sources: files that it is made from, besides those that the request names or contains.

    Raises:
        RequestError: an unknown suffix, a folder where a file is meant or the reverse, a device; a file that is there, or that
            the result is made from, which is never overwritten.
        OutputError: the folder is missing or cannot be written, or the disk has no room; the folder of inputs is a link.
    """
    check_name(path)
    folder = _is_folder(request, path)
    check_folder(path.parent)
    _check_kind(path, folder=folder)
    if folder:
        check_folder(path, will_be_made=True)
    if request.arrays() and not folder:
        refuse_way_out(_inputs(path))
    taken = [planned for planned in planned_paths(request, path) if os.path.lexists(planned)]
    refuse_inputs(request, taken, sources)
    if taken and not overwrite:
        hint = "choose another name, or allow it with --overwrite"
        raise RequestError("output", f"{taken[0]} is there already", hint=hint, code=ErrorCode.OUTPUT_EXISTS)
    check_space(path, _size(request))


def refuse_inputs(request: Request, paths: Iterable[Path], sources: Iterable[Path] = ()) -> None:
    """Check that none of `paths` is a file that the request is made from, under whatever name.

    Raises:
        RequestError: one is.
    """
    known = [*sources, *map(Path, _texts(request))]
    for path in paths:
        if path.is_file() and (any(_same(path, source) for source in known) or _shows_input(path, request)):
            hint = "choose another name: what a result is made from is never overwritten"
            raise RequestError(
                "output", f"{path} is what this is made from", hint=hint, code=ErrorCode.OUTPUT_IS_SOURCE
            )


def numbered_path(path: Path, index: int) -> Path:
    """The file of one of several images."""
    return path.with_name(f"{path.stem}-{index}{path.suffix}")


def planned_paths(request: Request, path: Path) -> Iterator[Path]:
    """Paths that are written, as far as they are known, and all that are there and might be."""
    output = kind_of(request).output
    if path.suffix == "" and output in _FOLDERS:
        from .material.names import stem_of

        prompt = request.prompt if isinstance(request, Generation) else ""
        yield from sorted(path.glob(f"{stem_of(prompt)}[_.]*")) if path.is_dir() else ()
        return
    count = request.num_images if isinstance(request, Generation) else 1
    yield from (numbered_path(path, index) for index in range(count)) if count > 1 else (path,)
    if output is Output.MESH and path.suffix.lower() != ".glb":
        yield from sorted(existing for mark in "-_" for existing in path.parent.glob(f"{path.stem}{mark}*.png"))
    if isinstance(request, Texture):
        yield from (path.with_name(f"{path.stem}_{kind}.png") for kind in request.maps if kind != TextureMap.BASE_COLOR)
    inputs = _inputs(path)
    existing = ((inputs / f"{digest}.npy", digest) for digest in request.arrays())
    yield from (file for file, digest in existing if not file.is_file() or _digest(file) != digest)


def _inputs(path: Path) -> Path:
    return path.with_name(f"{path.stem}.inputs")


def _is_folder(request: Request, path: Path) -> bool:
    """Whether a folder is going to be written there."""
    suffix, output = path.suffix.lower(), kind_of(request).output
    if suffix in ENCODERS or (suffix == ".glb" and output is Output.MESH):
        return False
    if suffix == "" and output in _FOLDERS:
        return True
    if output is Output.MESH:
        message = f"{path.name} has no suffix that a textured mesh is written with"
        hint = "use .glb, or name a folder, without a suffix; a picture's suffix writes the texture alone"
        raise RequestError("output", message, hint=hint)
    hint = f"use one of {', '.join(ENCODERS)}"
    raise RequestError("output", f"{path.name} has no suffix of a picture", hint=hint)


def _check_kind(path: Path, *, folder: bool) -> None:
    if not path.exists():
        return
    if folder and not path.is_dir():
        raise RequestError("output", f"{path} is a file", hint="name a folder, or a picture with its suffix")
    if not folder and path.is_dir():
        raise RequestError("output", f"{path} is a folder", hint="name a file")
    if not folder and not path.is_file():
        raise RequestError("output", f"{path} is no plain file", hint="name a file")


def _size(request: Request) -> int:
    """Bytes of the result at most; where the model decides on the size, of one at 1024 px."""
    arrays = sum(array.nbytes for array in request.arrays().values())
    if isinstance(request, MeshTexture):
        return arrays + request.texture_size**2 * _TEXEL_BYTES * 2
    if not isinstance(request, Generation):
        return 2 * arrays
    height, width = request.size or (1024, 1024)
    return arrays + height * width * request.num_images * (_TEXEL_BYTES if isinstance(request, Texture) else 4)


def _shows_input(path: Path, request: Request) -> bool:
    """Whether the request holds what a file shows; one that carries this very request was made by it."""
    arrays = request.arrays()
    if arrays and is_json_of(_request_in(path), request):
        return False
    for read in (as_picture, as_mask, as_control, as_depth) if arrays else ():
        try:
            if array_digest(read(path)) in arrays:
                return True
        except (InvalidValue, SDError):
            continue  # it shows nothing of this kind
    return False


def _request_in(path: Path) -> str | None:
    try:
        return read_png_text(path).get(REQUEST)
    except (OSError, SDError):
        return None  # no PNG


def _texts(value: object) -> Iterator[str]:
    """Every text in a request: one may be the path of a file."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _texts(getattr(value, field.name))


def _same(path: Path, source: Path) -> bool:
    try:
        return path.samefile(source)
    except (OSError, ValueError):
        return False  # a prompt, say


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
