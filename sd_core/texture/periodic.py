"""Filters on planes that wrap around, and planes that do not made to wrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sd_core.requests import Seamless

Plane = NDArray[np.floating[Any]]
"""(h, w) values of a map that wraps at both borders."""

Frequencies = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Cycles to a pixel along y (h, 1) and x (1, w // 2 + 1), as `rfft2` orders them."""


def filter_plane(plane: Plane, transfer: Callable[[Frequencies], NDArray[np.generic]]) -> Plane:
    """`plane` times a transfer function of the frequencies; periodic by nature."""
    # Double precision: what follows may stretch a faint picture, and must not stretch rounding errors with it.
    spectrum = np.asarray(fft.rfft2(plane.astype(np.float64)))
    spectrum *= transfer(frequencies(plane.shape))
    return np.asarray(fft.irfft2(spectrum, s=plane.shape), np.float32)


def frequencies(shape: tuple[int, ...]) -> Frequencies:
    """The frequencies of a plane of `shape` (h, w)."""
    return fft.fftfreq(shape[0]).astype(np.float32)[:, None], fft.rfftfreq(shape[1]).astype(np.float32)[None, :]


def gaussian(sigma: float) -> Callable[[Frequencies], NDArray[np.float32]]:
    """Transfer function of a Gaussian of standard deviation `sigma` px; 0 changes nothing."""
    return lambda f: np.exp(-2 * (np.pi * sigma) ** 2 * (f[0] ** 2 + f[1] ** 2))


def blur(plane: Plane, sigma: float) -> Plane:
    """A Gaussian blur of standard deviation `sigma` px."""
    return filter_plane(plane, gaussian(sigma))


def slopes(plane: Plane) -> tuple[Plane, Plane]:
    """Central differences to the right and upwards (rows run downwards), per px."""
    right = (np.roll(plane, -1, 1) - np.roll(plane, 1, 1)) / 2
    up = (np.roll(plane, 1, 0) - np.roll(plane, -1, 0)) / 2
    return right, up


def made_periodic(picture: NDArray[np.float32], axes: Seamless) -> NDArray[np.float32]:
    """`picture` (h, w, ...) continued by its mirror image along the axes that do not wrap, so that it wraps along both.

    A map of the result, cut back to (h, w), tiles along `axes` and simply ends along the others.
    """
    if axes in (Seamless.NONE, Seamless.X):
        picture = np.concatenate([picture, picture[::-1]], axis=0)
    if axes in (Seamless.NONE, Seamless.Y):
        picture = np.concatenate([picture, picture[:, ::-1]], axis=1)
    return picture
