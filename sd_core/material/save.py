"""Writing a material: all of its files, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..encoding import encode_png
from ..files import make_folder, make_own_folder, write_files
from ..requests import MapFormat, Texture
from ..values import Array, npy_bytes
from .deep import deep_maps, encode_exr, encode_png16
from .gltf import GltfMaterial, gltf, plane
from .materialx import materialx
from .names import MaterialMap, Naming, exr_name, file_name, png_name, set_name, stem_of
from .pictures import stored_pictures
from .preview import preview

if TYPE_CHECKING:
    from ..results import Result


def save_material(
    result: Result,
    folder: Path,
    naming: Naming = Naming.POLY_HAVEN,
    stem: str | None = None,
    *,
    overwrite: bool = True,
) -> list[Path]:
    """Write the result of a `Texture` as a material.

    Args:
        folder: made where it is missing.
        naming: whose file names to use.
        stem: what they begin with; None: from the prompt.
        overwrite: False: a file that is there is an error.

    Returns:
        The paths written: base colour (which carries the request), maps in 16 bit (and, where the request asks for it, in
        EXR), packed ORM in 8 bit, `.mtlx`, `.gltf`, `_preview.png`.

    Raises:
        OutputError: they cannot be written; nothing is left half-written.
    """
    request = result.request_as(Texture)
    stem = stem or stem_of(request.prompt)
    pictures = stored_pictures(result.images[0], result.maps, request.normal_convention)
    size = result.images[0].shape[:2]
    names = {part: file_name(naming, stem, part, (size[0], size[1])) for part in pictures}
    make_folder(folder)
    deep = deep_maps(result.maps, request.normal_convention)
    files = [(folder / names[part], _png(part, picture, deep, result)) for part, picture in pictures.items()]
    if request.map_format is MapFormat.EXR:
        exr = {part: exr_name(names[part]) for part in deep}
        files += [(folder / exr[part], encode_exr(plane)) for part, plane in deep.items()]
        names |= exr
    files += _descriptions(result, folder, set_name(naming, stem), names)
    files.append((folder / f"{set_name(naming, stem)}_preview.png", encode_png(preview(pictures))))
    inputs = list(_inputs(result, folder / f"{Path(names[MaterialMap.BASE_COLOR]).stem}.inputs"))
    return write_files([*files, *inputs], overwrite=overwrite)


def _png(part: MaterialMap, picture: Array, deep: Mapping[MaterialMap, Array], result: Result) -> bytes:
    """Data in 16 bit; colours, and what glTF reads packed, in 8."""
    if part in deep:
        return encode_png16(deep[part])
    return encode_png(picture, result.request if part is MaterialMap.BASE_COLOR else None)


def _descriptions(result: Result, folder: Path, name: str, names: dict[MaterialMap, str]) -> list[tuple[Path, bytes]]:
    scale = float(result.report["height_scale"]) if result.report else 0.0
    normal = names.get(MaterialMap.NORMAL_OPENGL)
    height = {"heightTexture": names.get(MaterialMap.HEIGHT), "heightScale": scale, "heightMiddle": 0.5}
    described = GltfMaterial(
        name=name,
        base_color=names[MaterialMap.BASE_COLOR],
        normal=None if normal is None else png_name(normal),
        orm=names.get(MaterialMap.ORM),
        occluded=MaterialMap.AMBIENT_OCCLUSION in names,
        extras=height if MaterialMap.HEIGHT in names else None,
    )
    return [
        (folder / f"{name}.mtlx", materialx(name, names, scale)),
        (folder / f"{name}.gltf", gltf([plane()], [described])),
    ]


def _inputs(result: Result, folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The arrays that the request was made from, where `load_request` looks for them."""
    arrays = result.request.arrays()
    if arrays:
        make_own_folder(folder)
    for digest, array in arrays.items():
        yield folder / f"{digest}.npy", npy_bytes(array)
