# SPDX-License-Identifier: GPL-3.0-or-later
"""Painted textures onto their objects: images, a material on each object's own slots, and a UV map where a new one was made.

Vertices, faces and the existing UV maps stay as they are; a mesh that other objects share keeps its materials.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from sd_core.errors import RequestError

from .images import DATA, EncodedImage, new_image
from .material import COLOUR_SPACES, new_material
from .mesh_arrays import ObjectTriangles

UV_MAP = "Projected"

_FIRST_TILE = 1001


@dataclass(frozen=True, slots=True)
class ProjectedTexture:
    """One texture: its maps by name and UDIM tile, and the number of the part that shows it; None: all parts do."""

    object_index: int | None
    maps: Mapping[str, Mapping[int, EncodedImage]]


def apply_textures(
    name: str, objects: tuple[ObjectTriangles, ...], textures: list[ProjectedTexture], uvs: np.ndarray | None
) -> list[bpy.types.Material]:
    """Show the pages on the objects; those that are gone meanwhile are left out.

    Args:
        name: of images and materials.
        uvs: (t, 3, 2), a new UV map for all parts; None: they keep their own.

    Raises:
        RequestError: an object was edited meanwhile, so that the new UV map does not fit it; the images are there.
    """
    materials = []
    for page in textures:
        shown = [part for index, part in enumerate(objects) if page.object_index is None or page.object_index == index]
        title = f"{name} {shown[0].name}" if page.object_index is not None else name
        # The map that is rendered need not be the active one, which was painted.
        uv_map = shown[0].uv_map if uvs is None else UV_MAP
        material = new_material(title, texture_images(title, page), uv_map=uv_map, repeat=False, displacement=0.01)
        materials.append(material)
        for part in shown:
            item = bpy.data.objects.get(part.name)
            if item is None:
                continue
            if uvs is not None:
                _write_uvs(item, part, uvs[part.triangles])
            _show_on(item, material)
    return materials


def texture_images(title: str, texture: ProjectedTexture) -> dict[str, bpy.types.Image]:
    """New images of a texture, by map."""
    made = {}
    for kind, tiles in texture.maps.items():
        name, space = title if kind == "base_color" else f"{title} {kind}", COLOUR_SPACES.get(kind, DATA)
        only = tiles.get(_FIRST_TILE) if len(tiles) == 1 else None
        made[kind] = _tiled_image(name, tiles, space) if only is None else new_image(name, only, space)
    return made


def _tiled_image(name: str, tiles: Mapping[int, EncodedImage], colour_space: str) -> bpy.types.Image:
    """A UDIM image with its tiles packed into it; Blender takes them from files only."""
    with tempfile.TemporaryDirectory(dir=bpy.app.tempdir) as folder:
        for number, packed in tiles.items():
            Path(folder, f"tile.{number}.png").write_bytes(packed.png)
        first, *others = sorted(tiles)
        image = bpy.data.images.load(str(Path(folder, f"tile.{first}.png")))
        image.name, image.source = name, "TILED"
        image.filepath = str(Path(folder, "tile.<UDIM>.png"))
        image.tiles[0].number = first
        for number in others:
            image.tiles.new(tile_number=number)
        image.colorspace_settings.name = colour_space
        image.pack()
    return image


def _show_on(item: bpy.types.Object, material: bpy.types.Material) -> None:
    """Every slot of the object, and of the object alone."""
    if not item.material_slots:
        item.data.materials.append(None)
    for slot in item.material_slots:
        slot.link = "OBJECT"
        slot.material = material


def _write_uvs(item: bpy.types.Object, triangles: ObjectTriangles, uvs: np.ndarray) -> None:
    mesh = item.data
    if item.mode == "EDIT" or len(mesh.loops) != triangles.loop_count:
        raise RequestError(
            "uvs",
            f"{item.name!r} was edited meanwhile",
            hint="leave Edit Mode and project again; the images are already in this file",
        )
    layer = mesh.uv_layers.get(UV_MAP) or mesh.uv_layers.new(name=UV_MAP, do_init=False)
    if layer is None:
        raise RequestError("uvs", f"{item.name!r} has the maximum of 8 UV maps", hint="remove one")
    flat = np.zeros((len(mesh.loops), 2), np.float32)
    flat[triangles.loops] = uvs
    # Through `uv`, Blender (4.2 to 5.0 at least) would write into the arrays that a copied mesh still shares with its original.
    layer.data.foreach_set("uv", flat.ravel())
    mesh.update()
