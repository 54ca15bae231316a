"""An animation, frame by frame, to judge whether it flickers."""

from __future__ import annotations

from operator import is_

from traitlets import Bool, Bytes, Enum, Float, Int, List, observe

from ._base import Message, Widget, module, style


class Player(Widget):
    """Frames with a scrubber, views of what changes between neighbours, and a plot of the warp error.

    Keys: Space plays and stops, arrows step, Home and End jump, `1` to `4` change the view. The page fetches frames as
    it needs them, so a long animation does not swell the saved state of the notebook.
    """

    _esm = module("player")
    _css = style("player")

    frames = List(Bytes())
    """Encoded pictures; append with `player.frames = [*player.frames, picture]`, also while it plays."""
    motion = List(Bytes())
    """Encoded pictures of the motion at each frame, for the motion view; may be shorter than `frames`."""
    errors = List(Float(allow_none=True)).tag(sync=True)
    """Warp error of each frame against the one before; None where there is none, as at the first frame and at a cut."""
    fps = Float(12.0, min=0.1, max=120.0).tag(sync=True)
    index = Int(0, min=0).tag(sync=True, echo_update=False)
    """The frame that is shown, from 0; while it plays, the page tells Python a few times a second."""
    playing = Bool(False).tag(sync=True, echo_update=False)
    view = Enum(["play", "onion", "difference", "motion"], "play").tag(sync=True)
    _frame_count = Int(0).tag(sync=True)
    _motion_count = Int(0).tag(sync=True)
    _generation = Int(0).tag(sync=True)
    """Goes up when pictures that the page may hold were replaced."""

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        self.on_message("fetch", self._send_picture)

    @observe("frames", "motion")
    def _update_counts(self, change: dict) -> None:
        old = change["old"] if isinstance(change["old"], list) else []  # Undefined before the first frames
        appended = len(change["new"]) >= len(old) and all(map(is_, old, change["new"]))
        with self.hold_sync():
            self._frame_count, self._motion_count = len(self.frames), len(self.motion)
            if not appended:
                self._generation += 1

    def _send_picture(self, message: Message) -> None:
        of, index = message["of"], message["index"]
        pictures = self.frames if of == "frames" else self.motion
        if not 0 <= index < len(pictures):
            return  # the list became shorter while the message was on its way
        answer = {"type": "picture", "of": of, "index": index, "generation": self._generation}
        self.send(answer, [pictures[index]])
