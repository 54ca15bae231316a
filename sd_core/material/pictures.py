"""The pictures of a material, as they are stored: bit depth, packing, conventions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..requests import NormalConvention, TextureMap
from ..values import Array
from .names import MaterialMap

_SINGLE = {
    MaterialMap.ROUGHNESS: TextureMap.ROUGHNESS,
    MaterialMap.AMBIENT_OCCLUSION: TextureMap.AMBIENT_OCCLUSION,
    MaterialMap.METALLIC: TextureMap.METALLIC,
}


def stored_pictures(
    base_color: Array, maps: Mapping[str, Array], normal_convention: NormalConvention
) -> dict[MaterialMap, Array]:
    """Every picture of the set, those that `maps` allows.

    Args:
        base_color: (h, w, 3) uint8.
        maps: (h, w) or (h, w, 3) float32 in [0, 1], by the names of `TextureMap`.
        normal_convention: the one of `maps["normal"]`; both are written.

    Returns:
        (h, w) or (h, w, 3) uint8; the height (h, w) uint16, since 256 levels show as steps.
    """
    pictures = {MaterialMap.BASE_COLOR: base_color}
    if (normal := maps.get(TextureMap.NORMAL)) is not None:
        flipped = normal * np.array([1, -1, 1], np.float32) + np.array([0, 1, 0], np.float32)
        opengl, directx = (normal, flipped) if normal_convention is NormalConvention.OPENGL else (flipped, normal)
        pictures |= {MaterialMap.NORMAL_OPENGL: _eight_bit(opengl), MaterialMap.NORMAL_DIRECTX: _eight_bit(directx)}
    if (height := maps.get(TextureMap.HEIGHT)) is not None:
        pictures[MaterialMap.HEIGHT] = np.rint(np.clip(height, 0, 1) * 65535).astype(np.uint16)
    pictures |= {part: _eight_bit(maps[name]) for part, name in _SINGLE.items() if name in maps}
    if TextureMap.ROUGHNESS in maps:
        pictures[MaterialMap.ORM] = packed_orm(pictures)
    return pictures


def packed_orm(pictures: Mapping[MaterialMap, Array]) -> Array:
    """(h, w, 3) uint8: occlusion, roughness, metal, as glTF 2.0 reads them; what is missing is open, or no metal."""
    rough = pictures[MaterialMap.ROUGHNESS]
    occlusion = pictures.get(MaterialMap.AMBIENT_OCCLUSION, np.full_like(rough, 255))
    return np.stack([occlusion, rough, pictures.get(MaterialMap.METALLIC, np.zeros_like(rough))], axis=-1)


def _eight_bit(picture: Array) -> Array:
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
