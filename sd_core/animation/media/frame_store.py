"""An animation's output folder: finished frames, and the state from which a run that was stopped goes on.

A frame is finished by one commit of its picture, the state after it and the image that later frames sample. On resuming each
file is compared with the digest that was noted when it was written; what is damaged is made again from the last sound state
before it. A picture that somebody has changed on purpose, whole as it is, stays as it is; any other file that is not what was
written is set aside under another name, and never removed.
"""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from sd_core.encoding import encode_png
from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError
from sd_core.outputs import Status, begin_run, check_resume, is_whole, noted_request
from sd_core.requests import Animation, Request
from sd_core.values import Array, npy_bytes, read_picture

from ..frame_pictures import FramePictures
from ..layout import REPORT, frame_names, image_name, number_of, open_folder, picture_name, require_right, state_name
from ..states import State, noted_in, read_state, state_bytes

CHECKPOINT = 32
"""Frames from one state that is kept to the next, besides the newest: what damage costs at most, for twice the images."""


@dataclass(frozen=True, slots=True)
class Span:
    """Frames that are to be made, from `first` up to `stop`, and the state after the frame before; None: there is none."""

    first: int
    stop: int
    state: State | None


class FrameStore:
    """What lies in `folder`; without one, a temporary folder that goes with the last reference to this store.

    `inputs` is noted with every frame: what the frames were made from (see `tasks.animation.inputs`).

    Args:
        count: frames that the request has.
        resume: go on with what is there.
        overwrite: what is there may go, as far as it is what was written.
        warn: called with a sentence for what is generated again, what is left as somebody has changed it, and what is set aside.

    Raises:
        RequestError: `resume` without a folder, or with one that holds another request's frames; neither, and there are frames.
        OutputError: somebody else works in the folder, or somebody else's file is in the way; it cannot be written.
    """

    def __init__(
        self,
        folder: Path | None,
        request: Animation,
        count: int,
        *,
        resume: bool = False,
        overwrite: bool = False,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        check_resume(folder, resume=resume, overwrite=overwrite)
        self._root = Path(mkdtemp(prefix="sd_core-")) if folder is None else folder
        if folder is None:
            weakref.finalize(self, shutil.rmtree, self._root, ignore_errors=True)
        self._asked, self._count, self._warn = request, count, warn
        self.figures: list[dict[str, float]] = []
        self._needed: dict[int, set[int]] = {}
        self._kept: set[str] = set()
        self._files = open_folder(self._root)
        try:
            self._about = require_right(self._files, request, count, resume=resume, overwrite=overwrite)
            self._files.require_free(frame_names(count))
            self.inputs: Any = None if self._about is None else self._about.get("inputs")
        except BaseException:
            self._files.close()
            raise

    @property
    def resolved_request(self) -> Request | None:
        """What the folder notes as the resolved request of the run that is resumed; None for a new run."""
        return None if self._about is None else noted_request(self._about, self._asked)

    def close(self) -> None:
        """Let others work in the folder; pictures can still be read."""
        self._files.close()

    def begin(self, resolved: Animation) -> None:
        """Start a new run; `resolved` is noted for whoever resumes it. What an earlier run left goes, unless it has changed."""
        begin_run(self._files, self._asked, resolved, self._warn)

    def spans(self) -> list[Span]:
        """What is to be made: all frames; or those that are damaged, and those that are missing at the end."""
        if not self._files.is_listed:
            self._files.write({})  # from now on what an earlier version wrote is listed
        self._keep_report()
        states = sorted(self._numbers("state/after_"), reverse=True)
        sound = [(index, state) for index in states if (state := self._state(index)) is not None]
        if not sound:
            return self._restart(states)
        newest, state = sound[0]
        self.figures = noted_in(state, "figures")
        self._needed = {index: self._images_of(index, checkpoint) for index, checkpoint in sound}
        damaged = self._damaged_frames(newest)
        sound = [pair for pair in sound if pair[0] == newest or all(map(self._is_sound, self._images(pair[0])))]
        self._needed = {index: self._needed[index] for index, _ in sound}
        spans = [Span(newest + 1, self._count, state)]
        if damaged:
            base, before = next((pair for pair in sound if pair[0] < min(damaged)), (-1, None))
            spans.insert(0, Span(base + 1, max(damaged) + 1, before))
        return [span for span in spans if span.first < span.stop]

    def commit(
        self,
        index: int,
        picture: Array,
        figures: Mapping[str, float],
        state: State,
        image: Array,
        *,
        needed_frames: Collection[int],
        report: Callable[[], Mapping[str, Any]],
    ) -> None:
        """Finish a frame.

        Args:
            index: from 0.
            picture: (h, w, 3|4) uint8, the result.
            figures: by name.
            state: what the next frame needs.
            image: what later frames may sample, any array.
            needed_frames: frames whose images are still needed; the others are removed.
            report: gives what `report.json` is to hold, with the figures of this frame.

        Raises:
            OutputError: it cannot be written; the frames before stay as they are.
        """
        self.figures[index : index + 1] = [{"index": index, **figures}]
        noted = {"figures": self.figures[: index + 1], "wanted": sorted(needed_frames)}
        files: dict[str, bytes | Path] = {
            image_name(index): npy_bytes(image),
            state_name(index): state_bytes(state, noted),
            REPORT: json.dumps(report(), indent=1, allow_nan=False).encode(),
        }
        if picture_name(index) not in self._kept:
            files[picture_name(index)] = encode_png(picture)
        self._files.write(files, {**self._files.about, "inputs": self.inputs})
        self._needed[index] = set(needed_frames)
        self._tidy(index)

    def remove_leftovers(self) -> None:
        """Remove what only a run that was going on needed."""
        if self._needed:
            self._tidy(max(self._needed))

    def image(self, index: int) -> Array:
        """The image that was committed with frame `index`.

        Raises:
            RequestError: it is missing or damaged.
        """
        path = self._files.path(image_name(index))
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise RequestError(
                "resume",
                f"{path} is damaged: {error}",
                hint="resume once more: it is made again",
                code=ErrorCode.CANNOT_RESUME,
            ) from error

    def picture_path(self, index: int) -> Path:
        """Where the picture of a frame lies."""
        return self._root / picture_name(index)

    def picture(self, index: int) -> Array:
        """(h, w, 3|4) uint8, read from the disk."""
        return read_picture(self.picture_path(index))

    def pictures(self) -> FramePictures:
        """All pictures, read when they are asked for."""
        return FramePictures(self.picture, range(self._count))

    def _numbers(self, beginning: str) -> set[int]:
        return {number_of(name) for name in self._files.listed_names() if name.startswith(beginning)}

    def _state(self, index: int) -> State | None:
        """A state that is as it was written."""
        data = self._files.read(state_name(index))
        if data is None:
            return None
        return read_state(data, self._files.path(state_name(index)))

    def _images_of(self, index: int, state: State) -> set[int]:
        """Frames whose images are needed from this state on; of an earlier version's, those that are there."""
        if "wanted" in state:
            return set(noted_in(state, "wanted"))
        return {number for number in self._numbers("state/image_") if number <= index}

    def _images(self, index: int) -> list[str]:
        return [image_name(number) for number in self._needed[index]]

    def _damaged_frames(self, newest: int) -> set[int]:
        """Frames up to `newest` that have to be made again."""
        self._warn_missing(newest)
        pictures = {index for index in range(newest + 1) if not self._is_usable(picture_name(index))}
        images = {index for index in self._needed[newest] if not self._is_sound(image_name(index))}
        for name in self._files.listed_names():
            if name.startswith("state/"):
                self._is_sound(name)
        return pictures | images

    def _warn_missing(self, newest: int) -> None:
        names = map(picture_name, range(newest + 1))
        missing = [name for name in names if self._files.status(name) is Status.ABSENT]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            self._warn(f"{missing[0]}{more} had been deleted: made again")

    def _is_sound(self, name: str) -> bool:
        """Whether a file is as it was written; else it is set aside."""
        status = self._files.status(name)
        self._files.set_changed_aside([name], self._warn)
        return status is Status.SOUND

    def _is_usable(self, name: str) -> bool:
        """Whether a picture is as it was written, or as somebody wanted it; else it is set aside."""
        status = self._files.status(name)
        if status is not Status.CHANGED:
            return status is Status.SOUND
        if is_whole(self._files.path(name)):
            self._kept.add(name)
            self._warn(f"{name} has been changed since it was made: it is kept so (delete it to have it made again)")
            return True
        aside = self._files.set_aside(name)
        self._warn(f"{name} was damaged, and is made again: what was there is {aside.name} now")
        return False

    def _restart(self, states: Collection[int]) -> list[Span]:
        """Nothing sound to begin from: whatever is there of the frames is damaged, or about to be made again."""
        if states:
            self._warn("the state of the run was damaged: all frames are made again")
        for name in self._files.listed_names():
            if name.startswith("frames/"):
                self._is_usable(name)
            elif name.startswith("state/"):
                self._is_sound(name)
        return [Span(0, self._count, None)]

    def _keep_report(self) -> None:
        """A report that has been changed is somebody's work: it goes on under another name."""
        if self._files.status(REPORT) is Status.CHANGED:
            aside = self._files.set_aside(REPORT)
            self._warn(f"{REPORT} has been changed since it was written: it is {aside.name} now")

    def _tidy(self, index: int) -> None:
        """Remove the states and images that nothing begins from any more."""
        newest = max(self._needed)
        earlier = (number for number in self._needed if number != newest and _is_checkpoint(number))
        kept = {newest, index, max(earlier, default=newest)}
        self._needed = {number: wanted for number, wanted in self._needed.items() if number in kept}
        wanted = set().union(*self._needed.values())
        unwanted = [state_name(number) for number in self._numbers("state/after_") - kept]
        unwanted += [image_name(number) for number in self._numbers("state/image_") - wanted]
        self._files.set_changed_aside(unwanted, self._warn)
        self._files.remove(unwanted)


def _is_checkpoint(index: int) -> bool:
    return (index + 1) % CHECKPOINT == 0
