"""What a training run is: its stage, its size, its schedule."""

from dataclasses import dataclass, replace
from enum import StrEnum

from sd_core.errors import RequestError


class Stage(StrEnum):
    """The parts of the built-in model, in the order in which they are trained."""

    AUTOENCODER = "autoencoder"
    DECODER = "decoder"
    TEXT_ENCODER = "text_encoder"
    UNET = "unet"
    CONTROLNET = "controlnet"
    TOGETHER = "together"
    MAPS = "maps"


class Size(StrEnum):
    """`FULL` is the shipped model; `TINY` runs every stage in seconds, to test the code."""

    FULL = "full"
    TINY = "tiny"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """One run of one stage. Every random draw is a function of `seed` and the step, so a run can be cut anywhere.

    `steps` may be changed when a run is resumed: only the decay of the learning rate and the share of textures depend
    on it.
    """

    stage: Stage
    size: Size = Size.FULL
    steps: int
    seed: int = 0
    batch: int
    """Crops of 64 px (autoencoder, decoder), captions (text encoder) or images of 128 px (larger ones count by area; maps)."""
    learning_rate: float
    warmup: int = 200
    decay_share: float = 0.3
    """Share of the steps, at the end, over which the learning rate falls to zero along a cosine."""
    average: float = 0.998
    """Decay per step of the exponential moving average of the weights, which is what is exported."""
    images: int = 16_000
    """Generated images kept on disk, counted in areas of 128 x 128 px."""
    processes: int = 1
    """Processes, one thread each, that generate images and then share every batch; part of the recipe, like `seed`."""
    checkpoint_every: int = 250
    sheet_every: int = 500

    def __post_init__(self) -> None:
        for field in ("steps", "batch", "images", "processes", "checkpoint_every", "sheet_every"):
            if getattr(self, field) < 1:
                raise RequestError(
                    field, f"must be at least 1, got {getattr(self, field)}", hint="use a positive number"
                )
        if not 0 < self.decay_share <= 1:
            raise RequestError("decay_share", f"must lie in (0, 1], got {self.decay_share}", hint="0.3 is usual")

    @staticmethod
    def default(stage: Stage | str, *, size: Size = Size.FULL) -> "TrainConfig":
        """The recommended recipe for `stage`, or a run of a few seconds for `Size.TINY`."""
        config = _RECIPES[Stage(stage)]
        if size is Size.FULL:
            return config
        return replace(config, size=size, steps=4, batch=2, warmup=1, images=24, checkpoint_every=2, sheet_every=4)


_RECIPES: dict[Stage, TrainConfig] = {
    recipe.stage: recipe
    for recipe in (
        TrainConfig(stage=Stage.AUTOENCODER, steps=5000, batch=16, learning_rate=8e-4),
        TrainConfig(stage=Stage.DECODER, steps=1000, batch=16, learning_rate=3e-4, average=0.995),
        TrainConfig(stage=Stage.TEXT_ENCODER, steps=1000, batch=64, learning_rate=1e-3, warmup=30, decay_share=1.0),
        TrainConfig(stage=Stage.UNET, steps=3000, batch=24, learning_rate=1.2e-3, decay_share=0.7),
        TrainConfig(stage=Stage.CONTROLNET, steps=1000, batch=16, learning_rate=1.2e-3, decay_share=0.7, average=0.99),
        TrainConfig(stage=Stage.TOGETHER, steps=2900, batch=60, learning_rate=1.2e-3, decay_share=0.7),
        TrainConfig(
            stage=Stage.MAPS, steps=5400, batch=8, learning_rate=1.5e-3, warmup=60, decay_share=0.95, images=9000
        ),
    )
}
