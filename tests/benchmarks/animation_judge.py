"""Do the frames still show what the prompt says? Judged by the classifier of builtin_classifier.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from animation_measures import Frames
from builtin_classifier import SIZE, Classifier, judge, kept, load_autoencoder

from sd_core.training.data import COLOURS, MATERIALS


@dataclass(frozen=True, slots=True)
class Judge:
    """A classifier and what it should find; the prompt must name one of its materials and one of its colours."""

    classifier: Classifier
    material: int
    colour: int

    def share(self, frames: Frames) -> float:
        """Mean of the shares of frames with the right material and with the right colour; pictures of 128 px or more."""
        materials, colours = judge(self.classifier, np.stack([frame[..., :3] for frame in frames.values()]))
        return float(((materials == self.material).mean() + (colours == self.colour).mean()) / 2)


def make_judge(count: int, path: Path | None, prompt: str, model: str, side: int) -> Judge:
    """The judge kept in the file `path`, else one trained on `count` textures of `side` px: some thousands make a good one."""
    return Judge(
        kept(path, count, 6, load_autoencoder(model), max(side, SIZE)),
        material=next(index for index, name in enumerate(MATERIALS) if name in prompt),
        colour=next(index for index, name in enumerate(COLOURS) if name in prompt),
    )
