"""Periodic random fields made in the frequency domain."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Plane: TypeAlias = NDArray[np.floating[Any]]  # float32; the stubs of NumPy widen what is computed
FINEST = 9.0  # px: shortest wavelength that a field may carry; the 8x autoencoder loses anything finer


@lru_cache(maxsize=64)
def _frequencies(height: int, width: int) -> tuple[Plane, Plane]:
    """Vertical and horizontal frequencies of a real transform, cycles per px: (h, 1) and (1, w // 2 + 1)."""
    fy = fft.fftfreq(height).astype(np.float32)[:, None]
    fx = fft.rfftfreq(width).astype(np.float32)[None, :]
    return fy, fx


@lru_cache(maxsize=256)
def _band(height: int, width: int, wavelength: float, octaves: float, stretch: float) -> Plane:
    """Amplitude of each frequency of a noise of this wavelength; `stretch` > 1 draws it out along x."""
    fy, fx = _frequencies(height, width)
    radius = np.sqrt(fy**2 + (fx * stretch) ** 2) * wavelength
    radius[0, 0] = 1.0
    amplitude = np.exp(-(np.log2(radius) ** 2) / (2 * max(octaves, 0.3) ** 2)) / np.sqrt(radius)
    finest = np.sqrt(fy**2 + fx**2) * FINEST
    amplitude *= np.exp(-(finest**6) * 0.35)
    amplitude[0, 0] = 0.0
    return amplitude.astype(np.float32)


def periodic_noise(
    rng: np.random.Generator, shape: tuple[int, int], wavelength: float, octaves: float = 0.5, stretch: float = 1.0
) -> Plane:
    """A random field that wraps at both edges, with zero mean and unit variance.

    Args:
        rng: source of the random phases.
        shape: (h, w) in px.
        wavelength: typical distance between bumps in px; what would be finer than `FINEST` is left out.
        octaves: half-width of the band; 0.5 gives even bumps, 1.5 a cloudy mixture of scales.
        stretch: how many times longer the bumps are along x than along y.
    """
    height, width = shape
    parts = rng.standard_normal((2, height, width // 2 + 1), dtype=np.float32)
    rounded = round(max(min(wavelength, 2.0 * max(shape)), FINEST), 1)
    spectrum = (parts[0] + 1j * parts[1]) * _band(height, width, rounded, octaves, round(stretch, 1))
    field = np.asarray(fft.irfft2(spectrum, s=shape), np.float32)
    return field / max(float(field.std()), 1e-12)


@lru_cache(maxsize=64)
def _gaussian(height: int, width: int, sigma: float) -> Plane:
    fy, fx = _frequencies(height, width)
    return np.exp(-2 * (np.pi * sigma) ** 2 * (fy**2 + fx**2)).astype(np.float32)


def blur(field: Plane, sigma: float) -> Plane:
    """`field` (h, w) or (h, w, c) convolved with a Gaussian of `sigma` px that wraps at the edges."""
    height, width = field.shape[:2]
    kernel = _gaussian(height, width, round(sigma, 2))
    if field.ndim == 3:
        kernel = kernel[..., None]
    spectrum = np.asarray(fft.rfft2(field, axes=(0, 1))) * kernel
    return np.asarray(fft.irfft2(spectrum, s=(height, width), axes=(0, 1)), np.float32)


def slopes(height_map: Plane) -> tuple[Plane, Plane]:
    """Derivatives of a periodic height map along x and y, central differences, units per px."""
    dx = (np.roll(height_map, -1, 1) - np.roll(height_map, 1, 1)) * np.float32(0.5)
    dy = (np.roll(height_map, -1, 0) - np.roll(height_map, 1, 0)) * np.float32(0.5)
    return dx, dy


def smoothstep(low: float, high: float, value: Plane) -> Plane:
    """0 below `low`, 1 above `high`, a smooth cubic between."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)
