"""The preview of the running job, drawn from the worker's thread and from nowhere else."""

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
    from .views import AnimationTab
    from .widgets import Preview

PREVIEW_INTERVAL = 0.25
"""Seconds between two pictures: the browser never falls behind, and the newest one wins."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Where a job stands: a word, and the share that is done, in [0, 1]."""

    status: str
    progress: float

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ("done", "failed", "cancelled")


class Monitor:
    """Shows events on a `Preview`, at most four a second, and frames in their view; one thread writes, so it needs no lock."""

    def __init__(self, preview: Preview, frames: AnimationTab) -> None:
        self._preview, self._frames = preview, frames
        self._last_drawn = 0.0

    def show(self, event: Event, request: Request, waiting: int) -> JobProgress | None:
        """Draw an event of a request, unless another was drawn just now; `waiting` jobs are behind this one."""
        if isinstance(request, Animation):
            self._show_frame(event)
        return self._show_event(event, waiting)

    def show_finished(self, picture: Array, caption: str, *, busy: bool) -> None:
        """Show a finished picture, unless one is being made: then the next preview would take its place at once."""
        if not busy:
            self._show_picture(picture, caption)

    def _show_frame(self, event: Event) -> None:
        match event:
            case Queued():
                self._frames.begin()
            case FrameEvent():
                self._frames.add(event)
            case _:
                pass

    def _show_event(self, event: Event, waiting: int) -> JobProgress | None:  # noqa: PLR0911 - one for each kind
        match event:
            case Queued():
                return self._show_status("queued", "Starting", waiting)
            case Loading(message=message):
                return self._show_status("loading", message or "Loading the model", waiting)
            case StepEvent():
                return self._show_step(event, waiting)
            case FrameEvent(index=index, image=image):
                self._show_picture(image, f"Frame {index + 1} finished")
                return JobProgress("running", self._preview.progress)
            case ResultEvent(result=result):
                self._show_picture(result.images[0], repr(result).strip("<>"), progress=1.0)
                return JobProgress("done", 1.0)
            case Failed():
                return self._show_end("failed", "Failed")
            case CancelledEvent():
                return self._show_end("cancelled", "Cancelled")

    def _show_step(self, event: StepEvent, waiting: int) -> JobProgress | None:
        now = time.monotonic()
        if now - self._last_drawn < PREVIEW_INTERVAL and event.index + 1 < event.count:
            return None
        self._last_drawn = now
        progress = (event.index + 1) / event.count
        with self._preview.hold_sync():
            self._preview.busy = True
            self._preview.progress, self._preview.seconds_left = progress, event.seconds_left
            self._preview.caption = f"Step {event.index + 1} of {event.count}{_queue_text(waiting)}"
            if event.preview is not None:
                self._preview.mime, self._preview.image = "image/jpeg", preview_bytes(event.preview)
        return JobProgress("running", progress)

    def _show_status(self, status: str, caption: str, waiting: int) -> JobProgress:
        with self._preview.hold_sync():
            self._preview.busy, self._preview.progress, self._preview.seconds_left = True, 0.0, None
            self._preview.caption = f"{caption}{_queue_text(waiting)}"
        return JobProgress(status, 0.0)

    def _show_picture(self, picture: Array, caption: str, progress: float | None = None) -> None:
        with self._preview.hold_sync():
            self._preview.mime, self._preview.image = encode(picture)
            self._preview.caption = caption
            if progress is not None:
                self._preview.progress, self._preview.seconds_left, self._preview.busy = progress, None, False

    def _show_end(self, status: str, caption: str) -> JobProgress:
        with self._preview.hold_sync():
            self._preview.busy, self._preview.seconds_left, self._preview.caption = False, None, caption
        return JobProgress(status, self._preview.progress)


def _queue_text(waiting: int) -> str:
    return f", {waiting} jobs waiting" if waiting else ""
