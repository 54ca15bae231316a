"""The live picture of the running job, drawn from the worker's thread and from nowhere else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sd_core.display import encode
from sd_core.events import CancelledEvent, Event, Failed, FrameEvent, Loading, Queued, ResultEvent, StepEvent
from sd_core.requests import Animation, Request
from sd_core.values import Array

from .pictures import preview_bytes

if TYPE_CHECKING:
    from .views import AnimationView
    from .widgets import Preview

INTERVAL = 0.25
"""Seconds between two pictures: the browser never falls behind, and the newest one wins."""


@dataclass(frozen=True, slots=True)
class Report:
    """Where a job stands: a word, and the share that is done, in [0, 1]."""

    status: str
    progress: float

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ("done", "failed", "cancelled")


class Monitor:
    """Shows events on a `Preview`, at most four a second, and frames in their view; one thread writes, so it needs no lock."""

    def __init__(self, preview: Preview, frames: AnimationView) -> None:
        self._preview, self._frames = preview, frames
        self._drawn = 0.0

    def show(self, event: Event, request: Request, waiting: int) -> Report | None:
        """Draw an event of a request, unless another was drawn just now; `waiting` jobs are behind this one."""
        if isinstance(request, Animation):
            self._show_frame(event)
        return self._show(event, waiting)

    def look_at(self, picture: Array, caption: str, *, busy: bool) -> None:
        """Show a finished picture, unless one is being made: then the next preview would take its place at once."""
        if not busy:
            self._picture(picture, caption)

    def _show_frame(self, event: Event) -> None:
        match event:
            case Queued():
                self._frames.begin()
            case FrameEvent():
                self._frames.add(event)
            case _:
                pass

    def _show(self, event: Event, waiting: int) -> Report | None:  # noqa: PLR0911 - one for each kind
        match event:
            case Queued():
                return self._tell("queued", "Starting", waiting)
            case Loading(message=message):
                return self._tell("loading", message or "Loading the model", waiting)
            case StepEvent():
                return self._step(event, waiting)
            case FrameEvent(index=index, image=image):
                self._picture(image, f"Frame {index + 1} is finished")
                return Report("running", self._preview.progress)
            case ResultEvent(result=result):
                self._picture(result.images[0], repr(result).strip("<>"), progress=1.0)
                return Report("done", 1.0)
            case Failed():
                return self._end("failed", "Failed")
            case CancelledEvent():
                return self._end("cancelled", "Cancelled")

    def _step(self, event: StepEvent, waiting: int) -> Report | None:
        now = time.monotonic()
        if now - self._drawn < INTERVAL and event.index + 1 < event.count:
            return None
        self._drawn = now
        progress = (event.index + 1) / event.count
        with self._preview.hold_sync():
            self._preview.busy = True
            self._preview.progress, self._preview.seconds_left = progress, event.seconds_left
            self._preview.caption = f"Step {event.index + 1} of {event.count}{_queue(waiting)}"
            if event.preview is not None:
                self._preview.mime, self._preview.image = "image/jpeg", preview_bytes(event.preview)
        return Report("running", progress)

    def _tell(self, status: str, caption: str, waiting: int) -> Report:
        with self._preview.hold_sync():
            self._preview.busy, self._preview.progress, self._preview.seconds_left = True, 0.0, None
            self._preview.caption = f"{caption}{_queue(waiting)}"
        return Report(status, 0.0)

    def _picture(self, picture: Array, caption: str, progress: float | None = None) -> None:
        with self._preview.hold_sync():
            self._preview.mime, self._preview.image = encode(picture)
            self._preview.caption = caption
            if progress is not None:
                self._preview.progress, self._preview.seconds_left, self._preview.busy = progress, None, False

    def _end(self, status: str, caption: str) -> Report:
        with self._preview.hold_sync():
            self._preview.busy, self._preview.seconds_left, self._preview.caption = False, None, caption
        return Report(status, self._preview.progress)


def _queue(waiting: int) -> str:
    return f", {waiting} more in the queue" if waiting else ""
