"""What a task hands to the denoising loop, and what it is given to make that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from sd_core.diffusion.control import ActiveControl
from sd_core.diffusion.loop import Edit
from sd_core.diffusion.preview import LatentPreview
from sd_core.diffusion.schedule import Schedule
from sd_core.diffusion.text import PromptEmbeds
from sd_core.diffusion.tiles import Tiling
from sd_core.events import Event
from sd_core.models import ControlNetwork, Model

Picture = NDArray[np.uint8]
"""(h, w, 3) or, with alpha, (h, w, 4)."""


class Context(Protocol):
    """What the engine lends to a task: its caches, its queue's wishes, and an ear for events."""

    timings: dict[str, float]
    decisions: dict[str, str]
    output: Path | None
    """The folder where finished frames or views are committed."""
    resume: bool
    """Whether to go on with what an earlier run left there."""
    overwrite: bool
    """Whether what an earlier run left there may go."""

    def model(self, name: str | None) -> Model:
        """The model of this name; None: the engine's own."""
        ...

    def control_network(self, name: str | None, kind: str, model: Model) -> ControlNetwork:
        """A ControlNet or T2I-Adapter that fits `model`; None: the default ControlNet of its `kind`."""
        ...

    def prompt(self, model: Model, prompt: str, negative_prompt: str, *, guided: bool) -> PromptEmbeds:
        """Encoded prompts."""
        ...

    def preview(self, model: Model) -> LatentPreview:
        """The latent preview of the model's VAE."""
        ...

    def report(self, event: Event) -> None:
        """Pass an event on."""
        ...

    def warn(self, message: str) -> None:
        """Note something that the user should know; the result carries it."""
        ...

    def is_cancelled(self) -> bool:
        """Whether the job should stop."""
        ...


def no_finish(picture: Picture) -> Picture:
    """The last touch of a task that needs none."""
    return picture


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """A task's choices for one batch.

    `latents` (b, c, lh, lw) stand at the level of the schedule's first step; `finish` is applied to every decoded
    picture; `tiling` denoises in tiles, `vae_tiling` encodes and decodes in tiles.
    """

    schedule: Schedule
    latents: Tensor
    controls: Sequence[ActiveControl] = ()
    extra_channels: Tensor | None = None
    edits: Sequence[Edit] = ()
    tiling: Tiling | None = None
    vae_tiling: Tiling | None = None
    scored: bool = False
    finish: Callable[[Picture], Picture] = field(default=no_finish)


@dataclass(frozen=True, slots=True)
class TaskEnv:
    """Where a task works: the model, the engine's context, and one generator per image of the batch."""

    model: Model
    context: Context
    generators: list[Generator]

    @property
    def device(self) -> torch.device:
        """The device of the model's networks."""
        return self.model.placement.device
