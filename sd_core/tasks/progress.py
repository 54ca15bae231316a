"""Step events with time left and previews, made from what the loop tells."""

from __future__ import annotations

from collections import deque
from statistics import mean, median
from time import perf_counter

from torch import Tensor

from sd_core.diffusion.preview import LatentPreview
from sd_core.diffusion.schedule import Step
from sd_core.events import StepEvent

from .plan import Context

_REMEMBERED = 8
"""Steps over which the time left is estimated."""

_REMEMBERED_FRAMES = 16
"""Frames over which the time left of an animation is estimated: those that need every step are rarer than the others."""


class Progress:
    """Counts the steps of a whole request.

    `image` is the first image of the batch that runs now.
    """

    def __init__(self, context: Context, preview: LatentPreview, batches: int) -> None:
        self.image = 0
        self._context = context
        self._preview = preview
        self._batches = batches
        self._done = 0
        self._last = perf_counter()
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)

    def on_step(self, step: Step, clean_latents: Tensor) -> None:
        """Report the step that just ended, with a preview of the batch's first image."""
        now = perf_counter()
        # The time up to the first step is spent on loading and encoding, too.
        if step.index > 0:
            self._seconds.append(now - self._last)
        self._last = now
        self._done += 1
        count = step.count * self._batches
        left = median(self._seconds) * (count - self._done) if self._seconds else None
        preview = self._preview(clean_latents[0])
        self._context.report(StepEvent(self._done - 1, count, left, preview, self.image))


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
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED_FRAMES)

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
