"""Plain corrections of a picture: exposure, contrast, saturation, hue, temperature, colours of a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sd_core.requests import Adjust
from sd_core.results import Result
from sd_core.values import unit_floats
from sd_core.values.luminance import REC_709
from sd_core.values.srgb import decode_srgb, encode_srgb

if TYPE_CHECKING:
    from .plan import Context

Rgb = NDArray[np.float32]
"""(h, w, 3), sRGB-encoded unless said otherwise."""

_LUMA = np.array(REC_709, np.float32)
"""Weights of linear Rec. 709 primaries in luminance (ITU-R BT.709-6)."""

_MIDDLE_GREY = np.float32(0.5)
_WARMEST = np.float32(0.3)
"""Gain of red, and loss of blue, at temperature 1."""


def run(request: Adjust, context: Context, *, keep_latents: bool = False) -> Result:
    """See `run_request`; there are no latents to keep."""
    return Result(images=[adjust(request)], request=request)


def adjust(request: Adjust) -> NDArray[np.uint8]:
    """The corrected picture, (h, w, 3 or 4) uint8; a neutral value skips its correction, so that nothing is rounded.

    Colours are matched first; exposure, temperature and saturation act on linear light, contrast on encoded values.
    """
    image = unit_floats(request.image)
    rgb = image[..., :3]
    if request.match is not None:
        rgb = match_colours(rgb, unit_floats(request.match)[..., :3])
    rgb = _in_linear_light(request, rgb)
    if request.contrast != 1:
        rgb = _MIDDLE_GREY + (rgb - _MIDDLE_GREY) * np.float32(request.contrast)
    picture = np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
    if image.shape[2] == 3:
        return picture
    return np.concatenate([picture, np.rint(image[..., 3:] * 255).astype(np.uint8)], axis=2)


def match_colours(rgb: Rgb, reference: Rgb) -> Rgb:
    """`rgb` with the mean and covariance of the colours of `reference`, (h', w', 3).

    The linear map of least colour change: Monge-Kantorovich, Pitié & Kokaram 2007, "The linear Monge-Kantorovitch linear
    colour mapping for example-based colour transfer".
    """
    source, target = rgb.reshape(-1, 3).astype(np.float64), reference.reshape(-1, 3).astype(np.float64)
    root, inverse_root = _roots(_covariance(source))
    middle, _ = _roots(root @ _covariance(target) @ root)
    transform = inverse_root @ middle @ inverse_root
    matched = (source - source.mean(0)) @ transform + target.mean(0)
    return matched.reshape(rgb.shape).astype(np.float32)


def _in_linear_light(request: Adjust, rgb: Rgb) -> Rgb:
    neutral = (request.exposure, request.temperature, request.hue, request.saturation) == (0, 0, 0, 1)
    if neutral:
        return rgb
    linear = decode_srgb(rgb) * np.float32(2.0**request.exposure)
    linear = linear * np.array([1 + _WARMEST * request.temperature, 1, 1 - _WARMEST * request.temperature], np.float32)
    if request.hue:
        linear = linear @ _hue_rotation(request.hue).T
    luminance = (linear @ _LUMA)[..., None]
    return encode_srgb(luminance + (linear - luminance) * np.float32(request.saturation))


def _hue_rotation(degrees: float) -> NDArray[np.float32]:
    """Rotation about the grey axis, sheared so that luminance stays.

    Haeberli 1993, "Matrix operations for image processing".
    """
    angle = np.deg2rad(degrees)
    axis = np.ones(3) / np.sqrt(3)
    cross = np.cross(axis, np.eye(3)).T
    rotation = np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(axis, axis)
    shift = _LUMA - _LUMA @ rotation
    return (rotation + np.outer(np.ones(3), shift)).astype(np.float32)


def _covariance(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.cov(colours.T) + 1e-8 * np.eye(3), np.float64)


def _roots(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Square root and inverse square root of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    root = np.sqrt(np.maximum(values, 1e-12))
    squared, inverse = (vectors * root) @ vectors.T, (vectors / root) @ vectors.T
    return np.asarray(squared, np.float64), np.asarray(inverse, np.float64)
