"""Step events with time left and previews, made from what the loop tells."""

from __future__ import annotations

from collections import deque
from statistics import median
from time import perf_counter

from torch import Tensor

from sd_core.diffusion.preview import LatentPreview
from sd_core.diffusion.schedule import Step
from sd_core.events import StepEvent

from .plan import Context

_REMEMBERED = 8


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
