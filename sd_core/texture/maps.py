"""From one picture to the maps of a material, by rule or, where one is named, by a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sd_core.requests import MeshTexture, NormalConvention, Seamless, Texture, TextureMap
from sd_core.values.luminance import luminance
from sd_core.values.srgb import decode_srgb, encode_srgb

from .estimate import Estimate, Estimator
from .periodic import Plane, made_periodic
from .relief import (
    ambient_occlusion,
    encode_normals,
    height_depth,
    height_from_luminance,
    height_from_normals,
    normals_from_height,
    stretch,
)
from .surface import metallic, roughness, without_shading
from .words import PromptHints, prompt_hints

MapArray = NDArray[np.float32]
"""(h, w) or (h, w, 3) in [0, 1], as stored."""

_LEAST_DEPTH = 0.25
"""px: a relief that spans less is flat."""

_CLEARLY_SKEWED = 0.6
"""Skewness of the height above which most of a surface lies low. True heights of the generator's bricks, tiles and planks have
-0.5 to -1.6; upside down, the rule's have 0.6 to 1.7. Rounded stones have none to tell by."""

_TRUST_IN_WORDS = 0.5
"""Share of the way that words move the roughness which the network sees."""


@dataclass(frozen=True, slots=True)
class Material:
    """The maps of a material, and what their values stand for.

    `height_scale` is the depth that a height of 0 to 1 spans, as a share of the texture's width; `reason` says where
    roughness and metal come from.
    """

    maps: Mapping[TextureMap, MapArray]
    height_scale: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a person wants of the maps, whatever picture and words say; None: leave it to them.

    relief: factor of the depth. invert_height: True: what was high is low; False: never inverted, also not by words.
    metallic: in [0, 1], for the whole of the map.
    """

    relief: float | None = None
    invert_height: bool | None = None
    metallic: float | None = None


def wishes_of(request: Texture | MeshTexture) -> Wishes:
    """What a request says about its maps."""
    return Wishes(relief=request.relief, invert_height=request.invert_height, metallic=request.metallic)


def make_material(
    picture: NDArray[np.float32],
    prompt: str = "",
    axes: Seamless = Seamless.XY,
    normal_convention: NormalConvention = NormalConvention.OPENGL,
    estimator: Estimator | None = None,
    wishes: Wishes | None = None,
) -> Material:
    """Every map of the material that `picture` shows.

    Args:
        picture: (h, w, 3) in [0, 1], sRGB-encoded, seen straight from above.
        prompt: searched for words about material, gloss and relief.
        axes: the axes along which the picture tiles; the maps then tile along them, too.
        normal_convention: direction of the normal map's green channel.
        estimator: a network to ask first, such as `builtin_estimator()`; what it does not know is guessed by rule.
        wishes: go before what picture and words say.

    All of it is periodic by construction: rolling the picture rolls every map (by any number of px without a network, by
    multiples of its stride with one).
    """
    height, width = picture.shape[:2]
    encoded = made_periodic(picture[..., :3].astype(np.float32), axes)
    known = Estimate() if estimator is None else estimator(encoded)
    rgb, words, wishes = decode_srgb(encoded), prompt_hints(prompt), wishes or Wishes()
    base = without_shading(rgb) if known.base_color is None else known.base_color
    relief, depth, normals = _adjusted(_height_and_normals(rgb, known), words, wishes)
    occlusion = ambient_occlusion(relief, depth)
    maps = {
        TextureMap.BASE_COLOR: encode_srgb(base),
        TextureMap.NORMAL: in_convention(encode_normals(normals), normal_convention),
        TextureMap.HEIGHT: relief,
        TextureMap.ROUGHNESS: _roughness(base, occlusion, known, words),
        TextureMap.AMBIENT_OCCLUSION: occlusion,
        TextureMap.METALLIC: _metallic(base, known, words, wishes),
    }
    cut = {name: np.ascontiguousarray(np.clip(plane[:height, :width], 0, 1)) for name, plane in maps.items()}
    return Material(cut, depth / width, _reason(known, words, wishes))


def _height_and_normals(rgb: MapArray, known: Estimate) -> tuple[MapArray, float, MapArray]:
    """Height in [0, 1], the depth in px that it spans, and unit normals."""
    if known.normals is not None:
        return *_spanned(height_from_normals(known.normals)), known.normals
    if known.relief is not None:
        relief, depth = _spanned(known.relief)
    else:
        relief = height_from_luminance(luminance(rgb)) if known.height is None else stretch(known.height)
        depth = height_depth(relief)
    return relief, depth, normals_from_height(relief, depth)


def _spanned(raised: Plane) -> tuple[MapArray, float]:
    """A height in px as one in [0, 1], and the px that it spans; what is all but flat is not blown up."""
    low, high = float(raised.min()), float(raised.max())
    depth = max(high - low, _LEAST_DEPTH)
    return (raised - (low + high) / 2) / depth + 0.5, depth


def _adjusted(
    found: tuple[MapArray, float, MapArray], words: PromptHints, wishes: Wishes
) -> tuple[MapArray, float, MapArray]:
    """Turned over where it has to be, deeper or shallower where words or wishes say so."""
    relief, depth, normals = found
    inverted = _is_inside_out(relief, words) if wishes.invert_height is None else wishes.invert_height
    factor = words.relief if wishes.relief is None else wishes.relief
    if not inverted and factor == 1:
        return found
    turned = 1 - relief if inverted else relief
    return turned, depth * factor, _steeper(normals, -factor if inverted else factor)


def _is_inside_out(relief: MapArray, words: PromptHints) -> bool:
    """Whether most of what should lie high, such as bricks between narrow joints, lies low."""
    centred = relief - relief.mean()
    spread = float(centred.std())
    return words.joints and spread > 1e-3 and float((centred**3).mean()) / spread**3 > _CLEARLY_SKEWED


def _steeper(normals: MapArray, factor: float) -> MapArray:
    """Normals of the relief times `factor`."""
    scaled = normals * np.array([factor, factor, 1], np.float32)
    return scaled / np.linalg.norm(scaled, axis=-1, keepdims=True)


def _roughness(base: MapArray, occlusion: MapArray, known: Estimate, words: PromptHints) -> MapArray:
    """What the network sees, moved half of the way to what words say; by rule where there is none."""
    if known.roughness is None:
        return roughness(luminance(base), occlusion, words.roughness)
    if not words.says_gloss:
        return known.roughness
    shift = (words.roughness - float(known.roughness.mean())) * _TRUST_IN_WORDS
    return np.clip(known.roughness + np.float32(shift), 0.04, 1)


def _metallic(base: MapArray, known: Estimate, words: PromptHints, wishes: Wishes) -> MapArray:
    """As wished; else as the words say, who know more of it than a picture; else what the network sees."""
    if wishes.metallic is not None:
        return np.full(base.shape[:2], wishes.metallic, np.float32)
    if words.metallic is None and known.metallic is not None:
        return known.metallic
    return metallic(base, words)


def _reason(known: Estimate, words: PromptHints, wishes: Wishes) -> str:
    """Where roughness and metal come from."""
    parts = [] if known.roughness is None else ["from the estimator"]
    parts += [] if known.roughness is not None and not words.says_gloss else [words.reason]
    return "; ".join([*parts, *([] if wishes.metallic is None else ["metallic as the request says"])])


def in_convention(stored: MapArray, convention: NormalConvention) -> MapArray:
    """OpenGL normals as stored, or the same for DirectX, whose green points down."""
    if convention is NormalConvention.OPENGL:
        return stored
    return np.stack([stored[..., 0], 1 - stored[..., 1], stored[..., 2]], axis=-1)
