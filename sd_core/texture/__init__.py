"""Tiling textures: the maps of a material from one picture, and whether they tile."""

from .estimate import Estimate, Estimator, EstimatorFiles, find_estimator, load_estimator
from .learned import builtin_estimator
from .maps import Material, Wishes, in_convention, make_material, wishes_of
from .wrap_score import FAILS, PASSES, wrap_score

__all__ = [
    "FAILS",
    "PASSES",
    "Estimate",
    "Estimator",
    "EstimatorFiles",
    "Material",
    "Wishes",
    "builtin_estimator",
    "find_estimator",
    "in_convention",
    "load_estimator",
    "make_material",
    "wishes_of",
    "wrap_score",
]
