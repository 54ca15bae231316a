"""The frames of an animation, as they come and afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets as widgets

from sd_core.display import encode
from sd_core.events import FrameEvent
from sd_core.passes import FramePasses, motion_offsets
from sd_core.requests import Animation, Request
from sd_core.results import Result

from ..history import Entry
from ..widgets import Player
from .base import Note, ResultTab

WARP_ERROR = "warp_error"
"""The figure of a frame that the plot shows."""


class AnimationTab(ResultTab):
    """A player with onion skin, difference and motion, over the plot of the warp error."""

    title = "Animation"

    def build(self) -> list[widgets.Widget]:
        self._player, self._note = Player(), Note()
        self._note.say("Frames of an animation appear here.")
        return [self._player, self._note]

    def begin(self) -> None:
        """Empty the player: a new animation begins."""
        if not self.box.children:
            self.box.children = self.build()
        self._note.say("")
        self._shown = None
        self._player.frames, self._player.errors = [], []

    def add(self, event: FrameEvent) -> None:
        """Append a frame that has just been finished."""
        if not self.box.children:
            self.begin()
        self._player.errors = [*self._player.errors, event.figures.get(WARP_ERROR)]
        self._player.frames = [*self._player.frames, encode(event.image)[1]]

    def show(self, entry: Entry, before: Entry | None) -> None:
        is_animation = isinstance(entry.request, Animation)
        self._note.say("" if is_animation else "This is a single image; frames of an animation appear here.")
        if is_animation:
            self._player.set_trait("errors", warp_errors(entry.result))
            self._player.frames = [encode(image)[1] for image in entry.result.images]
            self._player.motion = list(_motion_pictures(entry.request))


def _motion_pictures(request: Request) -> Iterator[bytes]:
    """Pictures of the motion into each frame, where the request holds the passes themselves."""
    if not isinstance(request, Animation) or isinstance(request.passes, str):
        return
    from sd_core.animation.media.report import motion_picture

    for frame in request.passes:
        if not isinstance(frame, FramePasses) or frame.motion is None:
            return
        yield encode(motion_picture(motion_offsets(frame.motion)[0]))[1]


def warp_errors(result: Result) -> list[float | None]:
    """The warp error of each frame, as far as the report tells it."""
    figures: Any = getattr(result.report, "frames", None)
    if figures is None and isinstance(result.report, Mapping):
        figures = result.report.get("frames")
    return [_warp_error(each) for each in figures or ()]


def _warp_error(each: Any) -> float | None:
    found = each.get(WARP_ERROR) if isinstance(each, Mapping) else getattr(each, WARP_ERROR, None)
    return None if found is None else float(found)
