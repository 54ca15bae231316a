"""A result on disk: the images, their maps, and the arrays that it takes to make them again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .destination import numbered_path, planned_paths, refuse_inputs
from .encoding import ENCODERS, encode_png
from .errors import RequestError
from .files import check_name, make_folder, make_own_folder, write_files
from .requests import Generation, Output, Request, TextureMap, kind_of, replace
from .values import Array, npy_bytes

if TYPE_CHECKING:
    from .results import Result


def save_result(result: Result, path: Path, *, overwrite: bool = True) -> list[Path]:
    """See `Result.save`."""
    check_name(path)
    several = (numbered_path(path, index) for index in range(len(result.images)))
    refuse_inputs(result.request, [*planned_paths(result.request, path), *several])
    output = kind_of(result.request).output
    if output is Output.MATERIAL and not path.suffix:
        from .material import save_material

        return save_material(result, path, overwrite=overwrite)
    if output is Output.MESH and path.suffix.lower() in ("", ".glb"):
        from .material import save_mesh

        return save_mesh(result, path, overwrite=overwrite)
    if path.suffix.lower() not in ENCODERS:
        raise RequestError("path", f"{path.name} has no suffix of a picture", hint=f"use one of {', '.join(ENCODERS)}")
    folder = path.with_name(f"{path.stem}.inputs")
    arrays = result.request.arrays()
    made = bool(arrays) and make_own_folder(folder)
    try:
        written = write_files(_files(result, path, folder, arrays), overwrite=overwrite)
    except BaseException:
        if made:
            folder.rmdir()
        raise
    return sorted(written, key=lambda file: file.parent == folder)


def save_arrays(request: Request, folder: str | os.PathLike[str]) -> list[Path]:
    """Write the arrays of a request as `<sha256>.npy` into `folder`, which is made where it is missing.

    Raises:
        OutputError: they cannot be written.
    """
    make_folder(Path(folder))
    return write_files(_array_files(request.arrays(), Path(folder)))


def image_request(request: Request, index: int) -> Request:
    """The request that gives image `index` alone: `seed + index`, one image."""
    if not isinstance(request, Generation) or request.num_images == 1:
        return request
    return replace(request, num_images=1, seed=None if request.seed is None else request.seed + index)


def stem_of(request: Request, otherwise: str) -> str:
    """The first words of the prompt as the beginning of a file's name; `otherwise`, where there are none."""
    words = re.findall(r"\w+", request.prompt.lower()) if isinstance(request, Generation) else []
    return "-".join(words[:6])[:60] or otherwise


def free_path(stem: str | os.PathLike[str], suffix: str) -> Path:
    """The first of stem, stem-2, stem-3 ... with this suffix that is not taken: as a file, a folder, or one of several images."""
    candidates = (Path(f"{os.fspath(stem)}{number}{suffix}") for number in ("", *(f"-{n}" for n in range(2, 10**6))))
    return next(path for path in candidates if not _is_taken(path))


def _is_taken(path: Path) -> bool:
    return path.exists() or numbered_path(path, 0).exists()


def _files(result: Result, path: Path, folder: Path, arrays: dict[str, Array]) -> Iterator[tuple[Path, bytes]]:
    yield from _array_files(arrays, folder)
    count = len(result.images)
    encode = ENCODERS[path.suffix.lower()]
    for index in range(count):
        name = path if count == 1 else numbered_path(path, index)
        yield name, encode(result.images[index], image_request(result.request, index))
    for kind, picture in result.maps.items():
        if kind != TextureMap.BASE_COLOR:  # that is the image itself
            yield path.with_name(f"{path.stem}_{kind}.png"), encode_png(_stored_map(kind, picture))


def _array_files(arrays: dict[str, Array], folder: Path) -> Iterator[tuple[Path, bytes]]:
    for digest, array in arrays.items():
        yield folder / f"{digest}.npy", npy_bytes(array)


def _stored_map(kind: str, picture: Array) -> Array:
    """Height has 16 bit, since 256 levels show as steps."""
    grey = picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    return np.rint(np.clip(grey, 0, 1) * 65535).astype(np.uint16) if kind == TextureMap.HEIGHT else grey
