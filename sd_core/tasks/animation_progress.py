"""Step events over the frames of an animation."""

from __future__ import annotations

from collections import deque
from statistics import mean
from time import perf_counter

from torch import Tensor

from sd_core.diffusion.preview import LatentPreview
from sd_core.diffusion.schedule import Step
from sd_core.events import StepEvent

from .plan import Context

_REMEMBERED = 16
"""Frames over which the time left is estimated: those that need every step are rarer than the others."""


class FrameProgress:
    """Counts `steps` steps to every one of `count` frames; a frame that starts late skips some of them.

    `margin`: latent cells on every side that are no part of the picture.
    """

    def __init__(self, context: Context, preview: LatentPreview, count: int, steps: int, margin: int) -> None:
        self._context = context
        self._preview = preview
        self._count = count
        self._steps = steps
        self._inner = slice(margin, -margin or None)
        self._frame = 0
        self._began = perf_counter()
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)

    def begin(self, frame: int) -> None:
        """The frame that runs now."""
        self._frame = frame
        self._began = perf_counter()

    def end(self) -> float:
        """Seconds that the frame took."""
        seconds = perf_counter() - self._began
        self._seconds.append(seconds)
        return seconds

    def on_step(self, step: Step, clean_latents: Tensor) -> None:
        """Report a step, with a preview of the picture."""
        behind = self._frame * self._steps + max(self._steps - step.count, 0) + step.index
        left = None
        if self._seconds:
            spent = perf_counter() - self._began
            left = max(mean(self._seconds) * (self._count - self._frame) - spent, 0.0)
        preview = self._preview(clean_latents[0, :, self._inner, self._inner])
        index = min(behind, self._count * self._steps - 1)
        self._context.report(StepEvent(index, self._count * self._steps, left, preview, self._frame))
