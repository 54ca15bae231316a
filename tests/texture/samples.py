"""Pictures with known properties: materials that tile, their crops that do not, and a bump of known shape."""

import numpy as np
from numpy.typing import NDArray

from sd_core.training.data import make_sample
from sd_core.training.data.materials import Material
from sd_core.training.data.sample import SampleKind


def tiling(material: Material, seed: int, side: int = 128) -> NDArray[np.float32]:
    """(side, side, 3) in [0, 1]."""
    sample = make_sample(seed, side, side, kind=SampleKind.TEXTURE, material=material)
    return sample.image / np.float32(255)


def cropped(material: Material, seed: int, side: int = 128) -> NDArray[np.float32]:
    """Three quarters of each side of a picture that tiles, so that it does not."""
    return tiling(material, seed, side)[: side * 3 // 4, : side * 3 // 4]


def bump(side: int = 64) -> NDArray[np.float32]:
    """(side, side) height in [0, 1] of a hill in the middle."""
    y, x = np.mgrid[0:side, 0:side] - side / 2
    return np.exp(-(x**2 + y**2) / (side / 6) ** 2).astype(np.float32)
