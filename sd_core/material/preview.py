"""What a material looks like: tiled 3 x 3, on a lit sphere, and its maps side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..values import Array
from ..values.srgb import decode_srgb, encode_srgb
from .names import MaterialMap

_SIDE = 576
_REPEATS = (2, 4)
"""Times that the texture goes from pole to pole, and around the sphere."""

_LIGHTS = (((-0.5, 0.6, 0.65), 2.6), ((0.8, 0.1, 0.5), 0.7), ((0.1, -0.7, 0.4), 0.25))
"""Directions towards the lights and their strength."""

_AMBIENT = 0.3
_STRIP = (
    MaterialMap.BASE_COLOR,
    MaterialMap.NORMAL_OPENGL,
    MaterialMap.HEIGHT,
    MaterialMap.ROUGHNESS,
    MaterialMap.AMBIENT_OCCLUSION,
    MaterialMap.METALLIC,
)


def preview(pictures: Mapping[MaterialMap, Array]) -> Array:
    """(h, w, 3) uint8: three by three tiles next to a lit sphere, the maps below.

    Args:
        pictures: as `stored_pictures` gives them.
    """
    tiled = np.tile(_resize(pictures[MaterialMap.BASE_COLOR], _SIDE // 3), (3, 3, 1))
    top = np.concatenate([tiled, lit_sphere(pictures, _SIDE)], axis=1)
    shown = [pictures[part] for part in _STRIP if part in pictures]
    side = top.shape[1] // len(_STRIP)
    strip = np.concatenate([_resize(_rgb(picture), side) for picture in shown], axis=1)
    below = np.pad(strip, ((0, 0), (0, top.shape[1] - strip.shape[1]), (0, 0)))
    return np.concatenate([top, below], axis=0)


def lit_sphere(pictures: Mapping[MaterialMap, Array], side: int) -> Array:
    """(side, side, 3) uint8: the material on a sphere under three lights before a grey backdrop."""
    y, x = (1 - (np.mgrid[0:side, 0:side] + 0.5) / side * 2) / 0.9
    x = -x
    inside = x**2 + y**2 < 1
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    normal, right, up = _frame(np.stack([x, y, z], axis=-1))
    rows, columns = _texels(normal, pictures[MaterialMap.BASE_COLOR].shape)
    take = lambda part, default: _sample(pictures, part, rows, columns, default)  # noqa: E731
    tilt = take(MaterialMap.NORMAL_OPENGL, (0.5, 0.5, 1.0)) * 2 - 1
    bent = tilt[..., :1] * right + tilt[..., 1:2] * up + np.maximum(tilt[..., 2:], 0.05) * normal
    colour = _shade(
        bent / np.linalg.norm(bent, axis=-1, keepdims=True),
        decode_srgb(take(MaterialMap.BASE_COLOR, (0.5, 0.5, 0.5))),
        take(MaterialMap.ORM, (1.0, 0.8, 0.0)),
    )
    backdrop = np.broadcast_to((0.06 + 0.05 * np.clip(y, -1, 1))[..., None], colour.shape)
    return np.rint(np.clip(encode_srgb(np.where(inside[..., None], colour, backdrop)), 0, 1) * 255).astype(np.uint8)


def _frame(normal: Array) -> tuple[Array, Array, Array]:
    """Normal, direction of growing u and direction of growing v on the sphere."""
    right = np.stack([normal[..., 2], np.zeros_like(normal[..., 0]), -normal[..., 0]], axis=-1)
    right /= np.maximum(np.linalg.norm(right, axis=-1, keepdims=True), 1e-6)
    return normal, right, np.cross(normal, right)


def _texels(normal: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    around = np.arctan2(normal[..., 0], normal[..., 2]) / (2 * np.pi) * _REPEATS[1]
    upwards = np.arcsin(np.clip(normal[..., 1], -1, 1)) / np.pi * _REPEATS[0]
    return (-upwards * shape[0]).astype(int) % shape[0], (around * shape[1]).astype(int) % shape[1]


def _sample(
    pictures: Mapping[MaterialMap, Array], part: MaterialMap, rows: Array, columns: Array, default: tuple[float, ...]
) -> Array:
    if part not in pictures:
        return np.broadcast_to(np.array(default, np.float32), (*rows.shape, 3))
    return pictures[part][rows, columns].astype(np.float32) / 255


def _shade(normal: Array, base: Array, orm: Array) -> Array:
    """Lambert and GGX under the lights, viewed along -z (Walter et al. 2007; Schlick 1994)."""
    occlusion, rough, metal = (orm[..., i : i + 1] for i in range(3))
    specular = 0.04 + (base - 0.04) * metal
    diffuse = base * (1 - metal)
    facing = np.maximum(normal[..., 2:], 0.05)
    sky = 0.5 + 0.5 * normal[..., 1:2]
    total = _AMBIENT * occlusion * sky * (diffuse + specular)
    for direction, strength in _LIGHTS:
        towards = np.array(direction, np.float32) / np.float32(np.linalg.norm(direction))
        halfway = towards + np.array([0, 0, 1], np.float32)
        halfway /= np.linalg.norm(halfway)
        cosine = np.maximum(normal @ towards, 0)[..., None]
        tilt = np.maximum(normal @ halfway, 0)[..., None]
        alpha = np.maximum(rough, 0.15) ** 2
        lobe = alpha**2 / (np.pi * (tilt**2 * (alpha**2 - 1) + 1) ** 2)
        shadowing = 1 / (4 * _visible(cosine, alpha) * _visible(facing, alpha))
        fresnel = specular + (1 - specular) * (1 - max(float(halfway @ towards), 0)) ** 5
        total = total + strength * cosine * (diffuse / np.pi * 1.6 + fresnel * lobe * shadowing)
    return total


def _visible(cosine: Array, alpha: Array) -> Array:
    """The denominator of Schlick's approximation of Smith's shadowing."""
    return cosine * (1 - alpha / 2) + alpha / 2


def _rgb(picture: Array) -> Array:
    eight = (picture // 257).astype(np.uint8) if picture.dtype == np.uint16 else picture
    return np.repeat(eight[..., None], 3, axis=2) if eight.ndim == 2 else eight


def _resize(picture: Array, side: int) -> Array:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BOX))
