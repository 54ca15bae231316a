"""The training loop that every stage shares: steps, moving average, checkpoints, progress."""

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sd_core.errors import RequestError
from sd_core.files import whole_file
from sd_core.training.config import Stage, TrainConfig
from sd_core.training.muon import Muon
from sd_core.training.team import Team

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a stage is. `figures` are running means of its losses; `picture` is a sample sheet just written."""

    stage: Stage
    phase: str
    done: int
    count: int
    seconds_left: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    picture: Path | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """What a step minimises, and the figures worth showing."""

    value: Tensor
    figures: dict[str, float]


class Task(Protocol):
    """One stage: networks to train, the loss of a batch drawn with `rng` (and torch's own generator), and a sample sheet.

    `done` is the share of the run's steps that lie behind, in [0, 1).
    """

    modules: nn.ModuleDict

    def loss(self, rng: np.random.Generator, batch: int, done: float) -> Loss: ...

    def sheet(self, average: nn.ModuleDict, path: Path) -> None: ...


@dataclass(slots=True)
class TrainingState:
    """The state of a run: everything that a checkpoint holds."""

    modules: nn.ModuleDict
    average: nn.ModuleDict
    optimiser: Muon
    step: int = 0


def initial_state(task: Task, team: Team) -> TrainingState:
    """A run at step 0, its average equal to its weights."""
    average = copy.deepcopy(task.modules).eval().requires_grad_(False)
    parameters = [p for p in task.modules.parameters() if p.requires_grad]
    return TrainingState(task.modules, average, Muon(parameters, team))


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, constant, then a cosine to zero over the last `decay_share` of the steps."""
    warm = min(1.0, (step + 1) / config.warmup)
    left = (config.steps - step) / (config.steps * config.decay_share)
    return config.learning_rate * warm * (0.5 - 0.5 * math.cos(math.pi * min(1.0, left)))


def fit(task: Task, config: TrainConfig, folder: Path, *, team: Team) -> Iterator[Progress]:
    """Train until `config.steps`, from the checkpoint in `folder` if there is one.

    Every process of `team` draws its own share of each batch; the leading one writes checkpoints and sheets.

    Yields a `Progress` every ten steps and after every sheet. Killed at any time and resumed, a run gives the weights of an
    uninterrupted one.
    """
    run = initial_state(task, team)
    if (folder / CHECKPOINT).exists():
        load_checkpoint(run, config, folder / CHECKPOINT)
    team.gather()
    clock = _Clock(run.step, config.steps)
    while run.step < config.steps:
        clock.add(train_step(task, run, config, team))
        if not team.leads:
            continue
        if run.step % 10 == 0 or run.step == config.steps:
            yield clock.progress(config.stage, run.step)
        if run.step % config.sheet_every == 0 or run.step == config.steps:
            picture = folder / f"sheet-{run.step:06d}.jpg"
            task.sheet(run.average, picture)
            yield clock.progress(config.stage, run.step, picture)
        if run.step % config.checkpoint_every == 0 or run.step == config.steps:
            save_checkpoint(run, config, folder / CHECKPOINT)


def train_step(task: Task, run: TrainingState, config: TrainConfig, team: Team) -> dict[str, float]:
    """One optimiser step; moves the average; advances `run.step`."""
    rng = np.random.default_rng((config.seed, run.step, team.rank))
    torch.manual_seed(int(rng.integers(2**63)))
    loss = task.loss(rng, max(1, config.batch // team.size), run.step / config.steps)
    loss.value.backward()
    parameters = [p for p in run.modules.parameters() if p.requires_grad]
    team.average_gradients(parameters)
    norm = nn.utils.clip_grad_norm_(parameters, 1.0)
    run.optimiser.step(learning_rate(config, run.step))
    move_average(run, config)
    run.step += 1
    return {**loss.figures, "gradient": float(norm)}


def move_average(run: TrainingState, config: TrainConfig) -> None:
    """Exponential moving average with a short memory at first, so that the start is forgotten."""
    decay = min(config.average, (1 + run.step) / (10 + run.step))
    with torch.no_grad():
        for mean, parameter in zip(run.average.parameters(), run.modules.parameters(), strict=True):
            mean.lerp_(parameter, 1 - decay)


def save_checkpoint(run: TrainingState, config: TrainConfig, path: Path) -> None:
    """Write the state of a run, replacing the file in one step."""
    state: dict[str, Any] = {
        "step": run.step, "seed": config.seed, "modules": run.modules.state_dict(), "average": run.average.state_dict(),
        "optimiser": run.optimiser.state_dict(),
    }  # fmt: skip
    with whole_file(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(run: TrainingState, config: TrainConfig, path: Path) -> None:
    """Put a run where the checkpoint at `path` left it.

    Raises:
        RequestError: the checkpoint was made with another seed.
    """
    state = torch.load(path, weights_only=True)
    if state["seed"] != config.seed:
        raise RequestError(
            "seed", f"the run in {path.parent} has seed {state['seed']}", hint="use that seed, or another folder"
        )
    run.modules.load_state_dict(state["modules"])
    run.average.load_state_dict(state["average"])
    run.optimiser.load_state_dict(state["optimiser"])
    run.step = state["step"]


@dataclass(slots=True)
class _Clock:
    start: int
    count: int
    began: float = field(default_factory=time.monotonic)
    means: dict[str, float] = field(default_factory=dict)

    def add(self, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.means[name] = value if name not in self.means else 0.98 * self.means[name] + 0.02 * value

    def progress(self, stage: Stage, step: int, picture: Path | None = None) -> Progress:
        pace = (time.monotonic() - self.began) / max(1, step - self.start)
        left = pace * (self.count - step)
        return Progress(
            stage=stage,
            phase="train",
            done=step,
            count=self.count,
            seconds_left=left,
            figures=dict(self.means),
            picture=picture,
        )
