"""From one picture to the maps of a material, by rule or, where one is named, by a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sd_core.requests import NormalConvention, Seamless, TextureMap
from sd_core.values.luminance import luminance
from sd_core.values.srgb import decode_srgb, encode_srgb

from .estimate import Estimate, Estimator
from .periodic import made_periodic
from .relief import (
    ambient_occlusion,
    encode_normals,
    height_depth,
    height_from_luminance,
    height_from_normals,
    normals_from_height,
    stretch,
)
from .surface import metallic, prompt_hints, roughness, without_shading

MapArray = NDArray[np.float32]
"""(h, w) or (h, w, 3) in [0, 1], as stored."""


@dataclass(frozen=True, slots=True)
class Material:
    """The maps of a material, and what their values stand for.

    `height_scale` is the depth that a height of 0 to 1 spans, as a share of the texture's width; `reason` says where
    roughness and metal come from.
    """

    maps: Mapping[TextureMap, MapArray]
    height_scale: float
    reason: str


def make_material(
    picture: NDArray[np.float32],
    prompt: str = "",
    axes: Seamless = Seamless.XY,
    normal_convention: NormalConvention = NormalConvention.OPENGL,
    estimator: Estimator | None = None,
) -> Material:
    """Every map of the material that `picture` shows.

    Args:
        picture: (h, w, 3) in [0, 1], sRGB-encoded, seen straight from above.
        prompt: searched for words about metal and gloss.
        axes: the axes along which the picture tiles; the maps then tile along them, too.
        normal_convention: direction of the normal map's green channel.
        estimator: a network to ask first; what it does not know is guessed as without it.

    All of it is periodic by construction: rolling the picture rolls every map. Without a network, roughness, metal and
    the direction of the height are guesses.
    """
    height, width = picture.shape[:2]
    encoded = made_periodic(picture[..., :3].astype(np.float32), axes)
    known = Estimate() if estimator is None else estimator(encoded)
    rgb, words = decode_srgb(encoded), prompt_hints(prompt)
    base = without_shading(rgb) if known.base_color is None else known.base_color
    height_map, depth, normals = _height_and_normals(rgb, known)
    occlusion = ambient_occlusion(height_map, depth)
    rough = roughness(luminance(base), occlusion, words.roughness) if known.roughness is None else known.roughness
    maps = {
        TextureMap.BASE_COLOR: encode_srgb(base),
        TextureMap.NORMAL: in_convention(encode_normals(normals), normal_convention),
        TextureMap.HEIGHT: height_map,
        TextureMap.ROUGHNESS: rough,
        TextureMap.AMBIENT_OCCLUSION: occlusion,
        TextureMap.METALLIC: metallic(base, words) if known.metallic is None else known.metallic,
    }
    cut = {name: np.ascontiguousarray(np.clip(plane[:height, :width], 0, 1)) for name, plane in maps.items()}
    return Material(cut, depth / width, words.reason if known.roughness is None else "from the estimator")


def _height_and_normals(rgb: MapArray, known: Estimate) -> tuple[MapArray, float, MapArray]:
    """Height in [0, 1], the depth in px that it spans, and unit normals."""
    if known.normals is not None:
        raised = height_from_normals(known.normals)
        low, high = float(raised.min()), float(raised.max())
        return (raised - low) / max(high - low, 1e-6), max(high - low, 1e-6), known.normals
    height = height_from_luminance(luminance(rgb)) if known.height is None else stretch(known.height)
    depth = height_depth(height)
    return height, depth, normals_from_height(height, depth)


def in_convention(stored: MapArray, convention: NormalConvention) -> MapArray:
    """OpenGL normals as stored, or the same for DirectX, whose green points down."""
    if convention is NormalConvention.OPENGL:
        return stored
    return np.stack([stored[..., 0], 1 - stored[..., 1], stored[..., 2]], axis=-1)
