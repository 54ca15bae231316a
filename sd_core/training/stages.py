"""The one entrance to training: a stage, a folder, and the progress as it goes."""

from collections.abc import Callable, Generator
from pathlib import Path

import torch

from sd_core.training.config import TrainConfig
from sd_core.training.loop import CHECKPOINT, Progress, Task, fit
from sd_core.training.recipes import RECIPES, StageFiles, complete
from sd_core.training.team import Team, lead_team


def train(
    config: TrainConfig, out: Path, *, start: Path | None = None, resume: bool = True
) -> Generator[Progress, None, None]:
    """Run one stage and put its result into `out/model`.

    Args:
        config: `TrainConfig.default(stage)`, or a changed copy.
        out: folder of the run; stages share it, and a killed stage continues from it.
        start: a model folder (the built-in one, say) whose weights the stage starts from, and which stands in for the
            earlier stages; None: random weights, after the earlier stages in `out/model`.
        resume: continue from the stage's checkpoint in `out`, if there is one; False begins again.

    Yields:
        Progress of the images, the latents and the steps, with the time left; `picture` where a sample sheet was written.

    Raises:
        ModelNotFound: an earlier stage's result is missing.
        RequestError: the checkpoint belongs to a run with another seed.
    """
    shop = StageFiles(out, config, start)
    shop.stage.mkdir(parents=True, exist_ok=True)
    if not resume:
        (shop.stage / CHECKPOINT).unlink(missing_ok=True)
        shop.embeddings.unlink(missing_ok=True)
    recipe = RECIPES[config.stage]
    yield from recipe.prepare(shop)
    if recipe.task is not None:
        with lead_team(config.processes, _follow, shop) as team:
            yield from fit(_task(shop, recipe.task), config, shop.stage, team=team)
    recipe.finish(shop)
    complete(shop)


def _follow(team: Team, files: StageFiles) -> None:
    """What every process but the leading one does: the same steps, in silence."""
    make = RECIPES[files.config.stage].task
    assert make is not None  # no team is assembled without a task
    for _ in fit(_task(files, make), files.config, files.stage, team=team):
        raise AssertionError("only the leading process reports")


def _task(files: StageFiles, make: Callable[[StageFiles], Task]) -> Task:
    torch.manual_seed(files.config.seed)
    return make(files)
