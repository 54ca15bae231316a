"""A model trained for four steps at the tiny size: enough to have every file and every network of the real one."""

from pathlib import Path

import pytest

from sd_core.training.config import Size, Stage, TrainConfig
from sd_core.training.stages import train

STAGES = (
    Stage.AUTOENCODER, Stage.TEXT_ENCODER, Stage.UNET, Stage.CONTROLNET, Stage.TOGETHER, Stage.DECODER, Stage.MAPS,
)  # fmt: skip


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    for stage in STAGES:
        for _ in train(TrainConfig.default(stage, size=Size.TINY), out):
            pass
    return out
