"""Height, normals and occlusion: three maps of the same surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .periodic import Frequencies, Plane, filter_plane, frequencies, gaussian, slopes

_FINE_TO_COARSE = (0.15, 0.19, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Weights of octaves of luminance in the height; what is finer than these counts as the finest."""

_TYPICAL_CONTRAST = 0.02
"""Spread of the filtered luminance below which a picture counts as flat, and its noise is not enlarged to height."""

_DEEPEST = 1 / 12
_STEEPEST = 1.2
"""The height spans at most this share of the shorter side, and all but a twentieth of its slopes stay below this."""

_DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
_HORIZON_STEPS = 16


def height_from_luminance(luminance: Plane) -> Plane:
    """A height in [0, 1] that follows brightness, octave by octave: coarse forms count for more than fine ones.

    Args:
        luminance: linear light.

    A heuristic: dark is taken to be deep.
    """
    widest = min(luminance.shape) / 8
    sigmas = [0.0, *(widest / 2**i for i in reversed(range(max(round(np.log2(widest)), 0) + 1)))]
    weights = _octave_weights(len(sigmas) - 1)

    def bands(f: Frequencies) -> NDArray[np.float32]:
        total = np.zeros((len(f[0]), f[1].shape[1]), np.float32)
        for weight, fine, coarse in zip(weights, sigmas[:-1], sigmas[1:], strict=True):
            total += weight * (gaussian(fine)(f) - gaussian(coarse)(f))
        return total

    return stretch(filter_plane(luminance, bands))


def height_depth(height: Plane) -> float:
    """Depth, in px, that a height of 0 to 1 stands for: as deep as goes without most slopes becoming cliffs."""
    steepness = float(np.percentile(np.hypot(*slopes(height)), 95))
    deepest = min(height.shape) * _DEEPEST
    return deepest if steepness == 0 else min(deepest, _STEEPEST / steepness)


def normals_from_height(height: Plane, depth: float) -> NDArray[np.float32]:
    """Unit normals (h, w, 3), x to the right, y up, z out of the surface.

    Args:
        height: in [0, 1].
        depth: px that a height of 1 stands for.
    """
    right, up = slopes(height)
    normals = np.stack([-depth * right, -depth * up, np.ones_like(height)], axis=-1)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def height_from_normals(normals: NDArray[np.float32]) -> Plane:
    """Height in px, mean 0, of the surface nearest to `normals` (h, w, 3): the inverse of `normals_from_height`.

    Frankot & Chellappa 1988, "A method for enforcing integrability in shape from shading algorithms", with the
    frequency response of central differences in place of that of derivatives.
    """
    z = np.maximum(normals[..., 2], 1e-3)
    right, up = -normals[..., 0] / z, -normals[..., 1] / z
    fy, fx = frequencies(z.shape)
    # Rows run downwards, the surface's y upwards.
    kx, ky = np.sin(2 * np.pi * fx), -np.sin(2 * np.pi * fy)
    power = kx**2 + ky**2
    # Central differences are blind to the highest frequencies; so is what is left out here.
    inverse = np.divide(-1j, power, out=np.zeros(power.shape, np.complex64), where=power > 1e-6)
    return filter_plane(right, lambda _: inverse * kx) + filter_plane(up, lambda _: inverse * ky)


def ambient_occlusion(height: Plane, depth: float) -> Plane:
    """Share of the sky that each point sees, from the highest horizon in eight directions.

    Bavoil & Sainz 2008, "Screen space ambient occlusion", on a height field.
    """
    scaled_height = height * np.float32(depth)
    farthest = max(min(height.shape) // 12, 2)
    distances = np.unique(np.geomspace(1, farthest, _HORIZON_STEPS).round().astype(int))
    hidden = np.zeros_like(scaled_height)
    for dy, dx in _DIRECTIONS:
        hidden += _horizon(scaled_height, dy, dx, distances)
    return (1 - hidden / len(_DIRECTIONS)).astype(np.float32)


def encode_normals(normals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit normals as stored: [-1, 1] to [0, 1]."""
    return (normals + 1) / 2


def decode_normals(stored: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of `encode_normals`, with unit length restored after rounding."""
    normals = stored * 2 - 1
    return (normals / np.linalg.norm(normals, axis=-1, keepdims=True)).astype(np.float32)


def _octave_weights(count: int) -> list[float]:
    padded = [_FINE_TO_COARSE[0]] * max(count - len(_FINE_TO_COARSE), 0) + list(_FINE_TO_COARSE)
    return padded[len(padded) - count :]


def stretch(plane: Plane) -> Plane:
    """A height in [0, 1]: all but the highest and lowest hundredth of the values, those cut off."""
    low, high = (float(v) for v in np.percentile(plane, (1, 99)))
    spread = max(high - low, _TYPICAL_CONTRAST)
    return np.clip((plane - (low + high) / 2) / spread + 0.5, 0, 1)


def _horizon(height: Plane, dy: int, dx: int, distances: NDArray[np.int64]) -> Plane:
    """Sine of the highest horizon in one direction."""
    tangent = np.zeros_like(height)
    length = float(np.hypot(dy, dx))
    for n in distances:
        neighbour = np.roll(height, (-dy * n, -dx * n), (0, 1))
        np.maximum(tangent, (neighbour - height) / np.float32(n * length), out=tangent)
    return tangent / np.sqrt(1 + tangent**2)
