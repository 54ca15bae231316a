"""The denoising loop, once, for every task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Generator, Tensor

from sd_core.errors import Cancelled

from .schedule import Schedule, Step

Predict = Callable[[Tensor, Step], Tensor]
"""`predict(model_input, step) -> prediction`, both (b, c, lh, lw) float32: the network with all its conditioning."""

OnStep = Callable[[Step, Tensor], None]
"""`on_step(step, clean_latents)`: the step that just ran and the clean latents (b, c, lh, lw) predicted in it."""


class Edit:
    """A change to the latents while they are denoised. Override one method or both."""

    def noisy(self, step: Step, x_t: Tensor) -> Tensor:
        """Change the latents that `step` begins with; called once more at the clean end, where `index == count`."""
        return x_t

    def clean(self, step: Step, x0: Tensor) -> Tensor:
        """Change the clean latents that the network predicts in `step`."""
        return x0


class Cancelling(Protocol):
    """Answers whether the run should stop; asked before every step."""

    def __call__(self) -> bool: ...


def never() -> bool:
    """The answer of a run that nobody can cancel."""
    return False


def denoise(
    predict: Predict,
    schedule: Schedule,
    latents: Tensor,
    generators: Sequence[Generator],
    *,
    edits: Sequence[Edit] = (),
    on_step: OnStep | None = None,
    cancelled: Cancelling = never,
) -> Tensor:
    """Take noisy `latents` through every step of `schedule`.

    Args:
        predict: the network; sees the latents in the scale that it was trained on.
        latents: (b, c, lh, lw) float32, at the level of the first step.
        generators: one per image, for schedulers that add noise on the way.
        edits: applied in order, at every step.
        on_step: called after each step.
        cancelled: asked before each step.

    Returns:
        Clean latents, (b, c, lh, lw) float32, VAE-scaled.

    Raises:
        Cancelled: `cancelled()` was true.
    """
    edits_clean = any(type(edit).clean is not Edit.clean for edit in edits)
    for step in schedule.steps:
        if cancelled():
            raise Cancelled(f"cancelled at step {step.index + 1} of {step.count}")
        latents = _edit_noisy(edits, step, latents)
        prediction = predict(schedule.scale(latents, step), step)
        x0 = schedule.to_clean(prediction, latents, step) if edits_clean or on_step else None
        if edits_clean and x0 is not None:
            for edit in edits:
                x0 = edit.clean(step, x0)
            prediction = schedule.from_clean(x0, latents, step)
        latents = schedule.advance(prediction, step, latents, list(generators))
        if on_step is not None and x0 is not None:
            on_step(step, x0)
    return _edit_noisy(edits, schedule.end, latents)


def _edit_noisy(edits: Sequence[Edit], step: Step, latents: Tensor) -> Tensor:
    for edit in edits:
        latents = edit.noisy(step, latents)
    return latents


def all_finite(latents: Tensor) -> bool:
    """Whether no value is NaN or infinite."""
    return bool(torch.isfinite(latents).all())
