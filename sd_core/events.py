"""What a job tells while it runs: small frozen values, in order, ending with a result, a failure or a cancellation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

import numpy as np

from .errors import SDError
from .results import Result


class EventKind(StrEnum):
    """The kinds of event."""

    QUEUED = "queued"
    LOADING = "loading"
    STEP = "step"
    FRAME = "frame"
    RESULT = "result"
    FAILED = "failed"
    CANCELLED = "cancelled"


LAST_KINDS = frozenset({EventKind.RESULT, EventKind.FAILED, EventKind.CANCELLED})
"""Kinds after which a job tells nothing more."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The job waits; `position` jobs are before it."""

    kind: ClassVar[EventKind] = EventKind.QUEUED
    position: int = 0


@dataclass(frozen=True, slots=True)
class Loading:
    """A model is being loaded; `message` names it."""

    kind: ClassVar[EventKind] = EventKind.LOADING
    message: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class StepEvent:
    """A denoising step has ended.

    index, count: step `index` (from 0) of `count`, over the whole request.
    seconds_left: estimate; None before there is one.
    preview: (h, w, 3) uint8, the clean image as predicted now, perhaps smaller than the result.
    image: which image of the batch.
    """

    kind: ClassVar[EventKind] = EventKind.STEP
    index: int
    count: int
    seconds_left: float | None = None
    preview: np.ndarray | None = None
    image: int = 0


class FrameEvent:
    """A frame of an animation, or a view of a mesh, is finished.

    index: from 0.
    image: (h, w, 3|4) uint8. A job keeps its events, so that of a long animation is read from the disk when asked for.
    figures: measurements of this frame by name.
    """

    __slots__ = ("_image", "figures", "index")

    kind: ClassVar[EventKind] = EventKind.FRAME

    def __init__(
        self, index: int, image: np.ndarray | Callable[[], np.ndarray], figures: Mapping[str, float] | None = None
    ) -> None:
        self.index = index
        self.figures: Mapping[str, float] = {} if figures is None else figures
        self._image = image

    @property
    def image(self) -> np.ndarray:
        return self._image() if callable(self._image) else self._image

    def __repr__(self) -> str:
        return f"FrameEvent(index={self.index}, figures={dict(self.figures)})"


@dataclass(frozen=True, slots=True, eq=False)
class ResultEvent:
    """The job has ended well."""

    kind: ClassVar[EventKind] = EventKind.RESULT
    result: Result


@dataclass(frozen=True, slots=True)
class Failed:
    """The job has ended with an error. warnings: what the user should also know, as in a `Result`."""

    kind: ClassVar[EventKind] = EventKind.FAILED
    error: SDError
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelledEvent:
    """The job was cancelled. warnings: what the user should know all the same, as in a `Result`."""

    kind: ClassVar[EventKind] = EventKind.CANCELLED
    warnings: tuple[str, ...] = ()


Event: TypeAlias = Queued | Loading | StepEvent | FrameEvent | ResultEvent | Failed | CancelledEvent
"""Anything that `engine.stream` yields."""
