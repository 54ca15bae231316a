# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a stylised animation, and what belongs to it: nothing else is ever replaced or removed; no bpy.

passes/000001.exr ...    the data of each frame, by its number in the scene, with what is needed to render the rest
frames/000001.png ...    the pictures, as they are made
<name>.mp4               the video
report.json              figures of every frame
job.json                 the job on the server while it is not finished
surfaces/<digest>-<side>.base_color.png ...
                         the textures of a run that paints surfaces; see `surface_output`
sd_core.manifest.json    all these files with their digests

A run over other frames than the scene's range, as a farm makes them, has a video, figures and a job of its own, called after its
frames; several such runs may share the folder where their frames do not overlap.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from sd_core.errors import OutputError, RequestError
from sd_core.files import output_error
from sd_core.outputs import OutputFolder, Status, is_whole
from sd_core.requests import Request

_KIND = "stylised animation"

_log = logging.getLogger(__name__)


def tag_of(frames: range, whole: range) -> str:
    """What tells the files of a run over some frames from those over the scene's range."""
    if list(frames) == list(whole):
        return ""
    return f"-{frames[0]:06d}-{frames[-1]:06d}" + (f"-{frames.step}" if frames.step != 1 else "")


@dataclass(slots=True)
class Output:
    """Where the files of one animation lie; safe to use from any thread.

    tag: see `tag_of`. frames: of the run.
    """

    place: ClassVar[str] = "passes"
    """Where the copy of the scene lies, and what was ordered from it."""

    folder: Path
    name: str
    frames: range = range(0)
    tag: str = ""
    _held: OutputFolder | None = field(default=None)

    @property
    def passes(self) -> Path:
        return self.folder / "passes"

    @property
    def video(self) -> Path:
        return self.folder / self._video

    @property
    def log(self) -> Path:
        """What the background Blender said."""
        return self.folder / f"{self.place}/render{self.tag}.log"

    def picture(self, frame: int) -> Path:
        """The picture of a frame of the scene."""
        return self.folder / picture_name(frame)

    def data(self, frame: int) -> Path:
        """The data of a frame of the scene."""
        return self.folder / _data(frame)[0]

    def is_copy(self, path: Path) -> bool:
        """Whether a file is the copy of the scene that a new run would replace, or its order, under whatever name."""
        held = (held for held in self.copy_and_order(again=False) if held.is_file())
        return path.is_file() and any(path.samefile(file) for file in held)

    def copy_and_order(self, *, again: bool) -> tuple[Path, Path]:
        """The copy of the scene, and what was ordered from it: those that an earlier run left, or those of this one."""
        tags = (self.tag, "") if again else (self.tag,)
        folder = self.folder / self.place
        pairs = [(folder / f"scene{tag}.blend", folder / f"order{tag}.json") for tag in tags]
        return next((pair for pair in pairs if pair[0].is_file() and pair[1].is_file()), pairs[0])

    def begin(self, *, again: bool) -> None:
        """Claim these frames until `close`.

        Raises:
            OutputError: somebody else works at them, or somebody else's file is in the way; the folder cannot be written.
        """
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(self.folder.parent, error) from error
        self._held = OutputFolder(self.folder, _KIND, self._names(), (self.frames[0], self.frames[-1]))
        try:
            if again and not self._held.is_listed:
                self._adopt(self._held)
            self._held.require_free(self._wanted_names())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others work here."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def stage(self, name: str) -> Path:
        """A path for what is not finished; it goes with the claim."""
        assert self._held is not None, "the folder is claimed"
        return self._held.stage(name)

    def begin_anew(self, copy: Path, order: str) -> None:
        """Take the copy of the scene, in place of the data of an earlier run over these frames; its pictures stay yet.

        Raises:
            OutputError: a file of the earlier run has been changed since; nothing is touched.
        """
        copied, ordered = (path.name for path in self.copy_and_order(again=False))
        with self._open() as held:
            for name in self._wanted_names():
                if held.status(name) is Status.CHANGED:
                    hint = "move it away, or choose another folder"
                    raise OutputError(str(held.path(name)), "has been changed since sd_core wrote it", hint=hint)
            held.remove([*(name for frame in self.frames for name in _data(frame)), self._job])
            held.write({f"{self.place}/{copied}": copy, f"{self.place}/{ordered}": order.encode()})

    def finished_data(self, is_damaged: Any) -> tuple[int, ...]:
        """Frames whose data are there; what is damaged is set aside, and what somebody changed stays.

        is_damaged: asked about a file that is not what was written.
        """
        with self._open() as held:
            return tuple(frame for frame in self.frames if stands(held, _data(frame), is_damaged))

    def keep_data(self, frame: int, folder: Path) -> None:
        """Take over the data of a frame, with its sidecar, from the folder where they were rendered."""
        exr, sidecar = _data(frame)
        with self._open() as held:
            held.write({sidecar: folder / Path(sidecar).name, exr: folder / Path(exr).name})

    def keep_log(self, log: Path) -> None:
        """Take over what the background Blender said, if it was started."""
        if log.is_file():
            with self._open() as held:
                name = f"{self.place}/{self.log.name}"
                held.set_changed_aside([name], _log.warning)
                held.write({name: log})

    def keep_video(self, video: Path) -> Path:
        """Take over the finished video."""
        with self._open() as held:
            return held.write({self._video: video})[0]

    def write_picture(self, frame: int, png: bytes) -> Path:
        """Write a picture, whole or not at all; one that somebody has changed stays as it is.

        Raises:
            OutputError: it cannot be written.
        """
        name = picture_name(frame)
        with self._open() as held:
            if stands(held, [name], lambda path: not is_whole(path)) and held.read(name) in (None, png):
                return held.path(name)
            return held.write({name: png})[0]

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Write the figures."""
        with self._open() as held:
            held.set_changed_aside([self._report], _log.warning)
            held.write({self._report: json.dumps(report, indent=1).encode()})

    def clear_pictures(self) -> None:
        """Remove what an earlier run made of these frames: it is kept until there is something else."""
        with self._open() as held:
            held.remove([*map(picture_name, self.frames), self._video, self._report])

    def job_id(self, request: Request, fresh: str) -> str:
        """The job on the server that makes this request already, else `fresh`, which is remembered."""
        digest = hashlib.sha256(request.to_json().encode()).hexdigest()
        with self._open() as held:
            found = json.loads(held.read(self._job) or b"{}")
            if found.get("request") == digest:
                return found["id"]
            held.set_changed_aside([self._job], _log.warning)
            held.write({self._job: json.dumps({"id": fresh, "request": digest}).encode()})
        return fresh

    def forget_job(self) -> None:
        """The job has ended: another one would have to be made."""
        if self.folder.is_dir():
            with self._open() as held:
                held.remove([self._job])

    @property
    def _video(self) -> str:
        return f"{self.name}{self.tag}.mp4"

    @property
    def _report(self) -> str:
        return f"report{self.tag}.json"

    @property
    def _job(self) -> str:
        return f"job{self.tag}.json"

    def _names(self) -> re.Pattern[str]:
        number = "-?[0-9]{5,}"
        tag = f"(-{number}-{number}(-[0-9]+)?)?"
        return re.compile(
            rf"frames/{number}\.png|passes/{number}\.(exr|json)|passes/(scene{tag}\.blend|order{tag}\.json|render{tag}\.log)"
            rf"|{re.escape(self.name)}{tag}\.mp4|(report|job){tag}\.json"
            rf"|surfaces/(scene{tag}\.blend|(order|paints){tag}\.json|render{tag}\.log)"
            r"|surfaces/[0-9a-f]{32}-[0-9]+\.(json|[a-z_]+\.png)"
        )

    def _wanted_names(self) -> Iterator[str]:
        """What a run over these frames writes."""
        copied, ordered = (path.name for path in self.copy_and_order(again=False))
        yield from (f"{self.place}/{copied}", f"{self.place}/{ordered}", f"{self.place}/{self.log.name}")
        yield from (self._video, self._report, self._job)
        for frame in self.frames:
            yield from (picture_name(frame), *(_data(frame) if self.place == "passes" else ()))

    @contextmanager
    def _open(self) -> Iterator[OutputFolder]:
        """The folder as it is claimed; or, for a job that is taken up after its end, for a moment."""
        if self._held is not None:
            yield self._held
            return
        span = (self.frames[0], self.frames[-1]) if self.frames else None
        with OutputFolder(self.folder, _KIND, self._names(), span) as held:
            yield held

    def _adopt(self, held: OutputFolder) -> None:
        """List what a version without manifests wrote: the files of exactly these names that are whole."""
        names = [*self._wanted_names(), "passes/scene.blend", "passes/order.json"]
        paths = ((name, held.path(name)) for name in dict.fromkeys(names))
        held.adopt([name for name, path in paths if not path.is_symlink() and path.is_file() and is_whole(path)])
        if not held.path("passes/order.json").is_file():
            raise RequestError("resume", f"there is nothing in {self.passes}", hint="start anew")


def picture_name(frame: int) -> str:
    """Of a frame's picture."""
    return f"frames/{frame:06d}.png"


def _data(frame: int) -> tuple[str, str]:
    """Of a frame's data, and of their sidecar."""
    return f"passes/{frame:06d}.exr", f"passes/{frame:06d}.json"


def stands(held: OutputFolder, names: Iterable[str], is_damaged: Any) -> bool:
    """Whether files are there and not to be made again; what is damaged is set aside."""
    stand = True
    for name in names:
        status = held.status(name)
        if status is Status.CHANGED and is_damaged(held.path(name)):
            held.set_changed_aside([name], _log.warning)
            status = Status.ABSENT
        stand &= status in (Status.SOUND, Status.CHANGED)
    return stand
