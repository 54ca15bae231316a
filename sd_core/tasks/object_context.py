"""The engine's context as a set of objects sees it: events are counted over the whole set, with the time that is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from sd_core.diffusion.preview import LatentPreview
from sd_core.diffusion.text import PromptEmbeds
from sd_core.events import Event, FrameEvent, StepEvent
from sd_core.models import ControlNetwork, Model

from .plan import Context


class Pace:
    """How much of the set is done, in the seconds that were estimated for its pictures, and how fast it really goes."""

    def __init__(self, estimates: Sequence[float]) -> None:
        self.total = sum(estimates)
        self._estimates = list(estimates)
        self._done = 0
        self._painted_estimate = self._painted_seconds = 0.0

    def end(self, *, painted: bool, seconds: float) -> None:
        """The next picture is finished; one that was not `painted` tells nothing about the pace."""
        if painted:
            self._painted_estimate += self._estimates[self._done]
            self._painted_seconds += seconds
        self._done += 1

    def seconds_left(self, share: float) -> float:
        """`share` of the picture that runs now is done."""
        waiting = self._estimates[self._done :]
        left = sum(waiting) - (share * waiting[0] if waiting else 0)
        factor = self._painted_seconds / self._painted_estimate if self._painted_estimate else 1.0
        return max(left * factor, 0.0)

    @property
    def done(self) -> int:
        """Pictures that are finished, or that were not needed."""
        return self._done

    @property
    def count(self) -> int:
        """Pictures in all."""
        return len(self._estimates)


class ObjectContext:
    """Lends the engine's context to the pictures of a set, one after another.

    Attributes:
        timings, decisions, output, resume, overwrite: see `sd_core.tasks.plan.Context`, which this class implements.
    """

    def __init__(self, context: Context, pace: Pace) -> None:
        self.timings, self.decisions = context.timings, context.decisions
        self.output: Path | None = None
        self.resume = self.overwrite = False
        self._context, self._pace = context, pace
        self._frames = 0
        self._place = self._index = 0
        self._began, self._stepped = perf_counter(), False

    def begin(self, place: int, index: int) -> None:
        """Picture `index` of the object at this `place` runs now."""
        self._place, self._index = place, index
        self._began, self._stepped = perf_counter(), False

    def end(self) -> None:
        """It is finished, or was not needed."""
        self._pace.end(painted=self._stepped, seconds=perf_counter() - self._began)

    def report(self, event: Event) -> None:
        """Pass an event on, counted over the set."""
        match event:
            case StepEvent():
                self._stepped = True
                self._context.report(self._counted(event))
            case FrameEvent():
                own = {"object": float(self._place), "view": float(self._index)}
                self._context.report(FrameEvent(self._frames, event.image, {**event.figures, **own}))
                self._frames += 1
            case _:
                self._context.report(event)

    def _counted(self, step: StepEvent) -> StepEvent:
        pace = self._pace
        left = pace.seconds_left((step.index + 1) / step.count)
        index = pace.done * step.count + step.index
        return replace(step, index=index, count=pace.count * step.count, seconds_left=left, image=pace.done)

    def model(self, name: str | None) -> Model:
        """As the engine's."""
        return self._context.model(name)

    def control_network(self, name: str | None, kind: str, model: Model) -> ControlNetwork:
        """As the engine's."""
        return self._context.control_network(name, kind, model)

    def prompt(self, model: Model, prompt: str, negative_prompt: str, *, guided: bool) -> PromptEmbeds:
        """As the engine's."""
        return self._context.prompt(model, prompt, negative_prompt, guided=guided)

    def preview(self, model: Model) -> LatentPreview:
        """As the engine's."""
        return self._context.preview(model)

    def warn(self, message: str) -> None:
        """As the engine's."""
        self._context.warn(message)

    def cancelled(self) -> bool:
        """As the engine's."""
        return self._context.cancelled()


class TrialContext(ObjectContext):
    """A context whose pictures nobody sees: it collects the moments of their steps, and timings of its own."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, Pace(()))
        self.timings = {}
        self.moments: list[float] = []
        self.steps = 0

    def report(self, event: Event) -> None:
        """Note when a step ends; what is being loaded is passed on."""
        match event:
            case StepEvent(count=count):
                self.moments.append(perf_counter())
                self.steps = count
            case FrameEvent():
                pass
            case _:
                self._context.report(event)
