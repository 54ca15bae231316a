"""Pictures with captions and exact depth, made from a seed: what the built-in model learns from."""

from sd_core.training.data.captions import vocabulary
from sd_core.training.data.colours import COLOURS, Colour
from sd_core.training.data.materials import MATERIALS, Material
from sd_core.training.data.modifiers import MODIFIERS, Modifier
from sd_core.training.data.sample import HELD_OUT_PAIRS, Sample, SampleKind, make_sample

__all__ = [
    "COLOURS",
    "HELD_OUT_PAIRS",
    "MATERIALS",
    "MODIFIERS",
    "Colour",
    "Material",
    "Modifier",
    "Sample",
    "SampleKind",
    "make_sample",
    "vocabulary",
]
