"""Writing a textured mesh: binary glTF with everything inside, and OBJ with its pictures in the same folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..encoding import encode_png
from ..files import make_folder, make_own_folder, write_files
from ..requests import Mesh, MeshTexture, NormalConvention
from ..values import Array, npy_bytes
from .gltf import GltfMaterial, Primitive, glb
from .names import MaterialMap, Naming, file_name, stem_of
from .pictures import stored_pictures

if TYPE_CHECKING:
    from ..results import Result


def save_mesh(result: Result, path: Path, *, overwrite: bool = True) -> list[Path]:
    """Write the result of a `MeshTexture`.

    Args:
        path: a `.glb` file, or a folder, which then also gets an `.obj` and every texture as PNG (the first of them
            carries the request).
        overwrite: False: a file that is there is an error.

    Raises:
        OutputError: it cannot be written.
    """
    request = result.request_as(MeshTexture)
    if path.suffix.lower() == ".glb":
        return write_files([(path, _glb(result, _textures(result, path.stem)))], overwrite=overwrite)
    make_folder(path)
    stem = stem_of(request.prompt)
    textures = _textures(result, stem)
    first = textures[0].names[MaterialMap.BASE_COLOR]
    files = [(path / name, raw) for texture in textures for name, raw in texture.encoded.items()]
    files += [(path / f"{stem}.glb", _glb(result, textures)), (path / f"{stem}.mtl", _mtl(textures))]
    files.append((path / f"{stem}.obj", _obj(result.mesh, stem, textures)))
    arrays = request.arrays()
    inputs = path / f"{Path(first).stem}.inputs"
    if arrays:
        make_own_folder(inputs)
    input_files = ((inputs / f"{digest}.npy", npy_bytes(array)) for digest, array in arrays.items())
    return write_files([*files, *input_files], overwrite=overwrite)


@dataclass(frozen=True, slots=True)
class _Texture:
    """One texture of the mesh: its name, the file names of its pictures, and their PNG bytes by these."""

    name: str
    names: Mapping[MaterialMap, str]
    encoded: Mapping[str, bytes]


def _textures(result: Result, stem: str) -> list[_Texture]:
    pages: list[str] = list(result.report["textures"])
    found = []
    for page, image in zip(pages, result.images, strict=True):
        suffix, name = ("", stem) if len(pages) == 1 else (f".{page}", f"{stem}_{page.replace('.', '_')}")
        maps = {kind.removesuffix(suffix): plane for kind, plane in result.maps.items() if kind.endswith(suffix)}
        pictures = stored_pictures(image, maps, NormalConvention.OPENGL)
        names = {part: file_name(Naming.POLY_HAVEN, name, part, (image.shape[0], image.shape[1])) for part in pictures}
        request = result.request if not found else None
        encoded = {
            names[part]: encode_png(picture, request if part is MaterialMap.BASE_COLOR else None)
            for part, picture in pictures.items()
        }
        found.append(_Texture(name, names, encoded))
    return found


def _glb(result: Result, textures: list[_Texture]) -> bytes:
    materials = [
        GltfMaterial(
            name=texture.name,
            base_color=texture.names[MaterialMap.BASE_COLOR],
            normal=texture.names.get(MaterialMap.NORMAL_OPENGL),
            orm=texture.names.get(MaterialMap.ORM),
            occluded=MaterialMap.AMBIENT_OCCLUSION in texture.names,
        )
        for texture in textures
    ]
    pictures = {name: raw for texture in textures for name, raw in texture.encoded.items()}
    return glb(_primitives(result.mesh, upright=result.report["up"] == "y"), materials, pictures)


def _primitives(mesh: Mesh, *, upright: bool) -> list[Primitive]:
    """One for each texture of each object; glTF has y up, Blender z."""
    assert mesh.uvs is not None and mesh.object_id is not None and mesh.material_id is not None, "a textured mesh"
    points = mesh.vertices if upright else mesh.vertices[:, [0, 2, 1]] * np.array([1, 1, -1], np.float32)
    found = []
    for owner, texture in np.unique(np.stack([mesh.object_id, mesh.material_id], axis=1), axis=0):
        chosen = (mesh.object_id == owner) & (mesh.material_id == texture)
        vertex, uv, triangles = _index_corners(mesh.faces[chosen], mesh.uvs[chosen])
        name = f"object_{owner}" if mesh.object_id.any() else "mesh"
        found.append(Primitive(name=name, positions=points[vertex], uvs=uv, triangles=triangles, material=int(texture)))
    return found


def _index_corners(faces: Array, uvs: Array) -> tuple[Array, Array, Array]:
    """Vertex number and UV of every distinct corner, and triangles of these."""
    corners = np.concatenate([faces.reshape(-1, 1).astype(np.float64), uvs.reshape(-1, 2).astype(np.float64)], axis=1)
    unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    return unique[:, 0].astype(np.int64), unique[:, 1:].astype(np.float32), inverse.reshape(-1, 3)


def _obj(mesh: Mesh, stem: str, textures: list[_Texture]) -> bytes:
    assert mesh.uvs is not None and mesh.object_id is not None and mesh.material_id is not None, "a textured mesh"
    lines = [f"mtllib {stem}.mtl", *(f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in mesh.vertices)]
    uv, index = np.unique(mesh.uvs.reshape(-1, 2), axis=0, return_inverse=True)
    lines += [f"vt {u:.9g} {v:.9g}" for u, v in uv]
    corners = index.reshape(-1, 3) + 1
    order = np.lexsort((mesh.material_id, mesh.object_id))
    last: tuple[int, int] | None = None
    for face in order:
        group = (int(mesh.object_id[face]), int(mesh.material_id[face]))
        if group != last:
            lines += [f"o object_{group[0]}", f"usemtl {textures[group[1]].name}"]
            last = group
        a, b, c = (f"{v + 1}/{t}" for v, t in zip(mesh.faces[face], corners[face], strict=True))
        lines.append(f"f {a} {b} {c}")
    return ("\n".join(lines) + "\n").encode()


def _mtl(textures: list[_Texture]) -> bytes:
    blocks = []
    for texture in textures:
        lines = [f"newmtl {texture.name}", "Kd 1 1 1", f"map_Kd {texture.names[MaterialMap.BASE_COLOR]}"]
        if MaterialMap.ROUGHNESS in texture.names:
            lines.append(f"map_Pr {texture.names[MaterialMap.ROUGHNESS]}")
        blocks.append("\n".join(lines))
    return ("\n\n".join(blocks) + "\n").encode()
