# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a stylised animation, and what belongs to it: nothing else is ever replaced or removed; no bpy.

passes/000001.exr ...    the data of each frame, by its number in the scene, with what is needed to render the rest
frames/000001.png ...    the pictures, as they are made
<name>.mp4               the video
report.json              figures of every frame
job.json                 the job on the server while it is not finished
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
from typing import Any

from sd_core.errors import OutputError, RequestError
from sd_core.files import output_error
from sd_core.outputs import OutputFolder, Status, is_whole
from sd_core.requests import Request

_KIND = "stylised animation"

_log = logging.getLogger(__name__)


def run_tag(frames: range, scene_range: range) -> str:
    """What tells the files of a run over some frames from those over the scene's range."""
    if list(frames) == list(scene_range):
        return ""
    return f"-{frames[0]:06d}-{frames[-1]:06d}" + (f"-{frames.step}" if frames.step != 1 else "")


@dataclass(slots=True)
class AnimationOutput:
    """Where the files of one animation lie; safe to use from any thread.

    tag: see `run_tag`. frames: of the run.
    """

    folder: Path
    name: str
    frames: range = range(0)
    tag: str = ""
    _claimed_folder: OutputFolder | None = field(default=None)

    @property
    def passes(self) -> Path:
        return self.folder / "passes"

    @property
    def video(self) -> Path:
        return self.folder / self._video

    @property
    def log(self) -> Path:
        """What the background Blender said."""
        return self.folder / f"passes/render{self.tag}.log"

    def picture(self, frame: int) -> Path:
        """The picture of a frame of the scene."""
        return self.folder / _picture_name(frame)

    def data(self, frame: int) -> Path:
        """The data of a frame of the scene."""
        return self.folder / _data_names(frame)[0]

    def is_scene_copy(self, path: Path) -> bool:
        """Whether a file is the copy of the scene that a new run would replace, or its order, under whatever name."""
        existing = (existing for existing in self.copy_and_order(resume=False) if existing.is_file())
        return path.is_file() and any(path.samefile(file) for file in existing)

    def copy_and_order(self, *, resume: bool) -> tuple[Path, Path]:
        """The copy of the scene, and what was ordered from it: those that an earlier run left, or those of this one."""
        tags = (self.tag, "") if resume else (self.tag,)
        pairs = [(self.passes / f"scene{tag}.blend", self.passes / f"order{tag}.json") for tag in tags]
        return next((pair for pair in pairs if pair[0].is_file() and pair[1].is_file()), pairs[0])

    def claim(self, *, resume: bool) -> None:
        """Claim these frames until `close`.

        Raises:
            OutputError: somebody else works at them, or somebody else's file is in the way; the folder cannot be written.
        """
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(self.folder.parent, error) from error
        self._claimed_folder = OutputFolder(self.folder, _KIND, self._name_pattern(), (self.frames[0], self.frames[-1]))
        try:
            if resume and not self._claimed_folder.is_listed:
                self._adopt_unlisted_files(self._claimed_folder)
            self._claimed_folder.require_free(self._file_names())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others work here."""
        folder, self._claimed_folder = self._claimed_folder, None
        if folder is not None:
            folder.close()

    def staging_path(self, name: str) -> Path:
        """A path for what is not finished; it goes with the claim."""
        assert self._claimed_folder is not None, "the folder is claimed"
        return self._claimed_folder.stage(name)

    def replace_scene_copy(self, copy: Path, order: str) -> None:
        """Take the copy of the scene, in place of the data of an earlier run over these frames; its pictures stay yet.

        Raises:
            OutputError: a file of the earlier run has been changed since; nothing is touched.
        """
        copied, ordered = (path.name for path in self.copy_and_order(resume=False))
        with self._open_folder() as folder:
            for name in self._file_names():
                if folder.status(name) is Status.CHANGED:
                    hint = "move it away, or choose another folder"
                    raise OutputError(str(folder.path(name)), "was changed by another program", hint=hint)
            folder.remove([*(name for frame in self.frames for name in _data_names(frame)), self._job])
            folder.write({f"passes/{copied}": copy, f"passes/{ordered}": order.encode()})

    def frames_with_data(self, is_damaged: Any) -> tuple[int, ...]:
        """Frames whose data are there; what is damaged is set aside, and what somebody changed stays.

        is_damaged: asked about a file that is not what was written.
        """
        with self._open_folder() as folder:
            return tuple(frame for frame in self.frames if _has_usable_files(folder, _data_names(frame), is_damaged))

    def keep_data(self, frame: int, folder: Path) -> None:
        """Take over the data of a frame, with its sidecar, from the folder where they were rendered."""
        exr, sidecar = _data_names(frame)
        with self._open_folder() as output:
            output.write({sidecar: folder / Path(sidecar).name, exr: folder / Path(exr).name})

    def keep_log(self, log: Path) -> None:
        """Take over what the background Blender said, if it was started."""
        if log.is_file():
            with self._open_folder() as folder:
                name = f"passes/{self.log.name}"
                folder.set_changed_aside([name], _log.warning)
                folder.write({name: log})

    def keep_video(self, video: Path) -> Path:
        """Take over the finished video."""
        with self._open_folder() as folder:
            return folder.write({self._video: video})[0]

    def write_picture(self, frame: int, png: bytes) -> Path:
        """Write a picture, whole or not at all; one that somebody has changed stays as it is.

        Raises:
            OutputError: it cannot be written.
        """
        name = _picture_name(frame)
        with self._open_folder() as folder:
            if _has_usable_files(folder, [name], lambda path: not is_whole(path)) and folder.read(name) in (None, png):
                return folder.path(name)
            return folder.write({name: png})[0]

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Write the figures."""
        with self._open_folder() as folder:
            folder.set_changed_aside([self._report], _log.warning)
            folder.write({self._report: json.dumps(report, indent=1).encode()})

    def clear_pictures(self) -> None:
        """Remove what an earlier run made of these frames: it is kept until there is something else."""
        with self._open_folder() as folder:
            folder.remove([*map(_picture_name, self.frames), self._video, self._report])

    def job_id(self, request: Request, new_id: str) -> str:
        """The job on the server that makes this request already, else `new_id`, which is remembered."""
        digest = hashlib.sha256(request.to_json().encode()).hexdigest()
        with self._open_folder() as folder:
            found = json.loads(folder.read(self._job) or b"{}")
            if found.get("request") == digest:
                return found["id"]
            folder.set_changed_aside([self._job], _log.warning)
            folder.write({self._job: json.dumps({"id": new_id, "request": digest}).encode()})
        return new_id

    def forget_job(self) -> None:
        """The job has ended: another one would have to be made."""
        if self.folder.is_dir():
            with self._open_folder() as folder:
                folder.remove([self._job])

    @property
    def _video(self) -> str:
        return f"{self.name}{self.tag}.mp4"

    @property
    def _report(self) -> str:
        return f"report{self.tag}.json"

    @property
    def _job(self) -> str:
        return f"job{self.tag}.json"

    def _name_pattern(self) -> re.Pattern[str]:
        number = "-?[0-9]{5,}"
        tag = f"(-{number}-{number}(-[0-9]+)?)?"
        return re.compile(
            rf"frames/{number}\.png|passes/{number}\.(exr|json)|passes/(scene{tag}\.blend|order{tag}\.json|render{tag}\.log)"
            rf"|{re.escape(self.name)}{tag}\.mp4|(report|job){tag}\.json"
        )

    def _file_names(self) -> Iterator[str]:
        """What a run over these frames writes."""
        copied, ordered = (path.name for path in self.copy_and_order(resume=False))
        yield from (f"passes/{copied}", f"passes/{ordered}", f"passes/{self.log.name}")
        yield from (self._video, self._report, self._job)
        for frame in self.frames:
            yield from (_picture_name(frame), *_data_names(frame))

    @contextmanager
    def _open_folder(self) -> Iterator[OutputFolder]:
        """The folder as it is claimed; or, for a job that is taken up after its end, for a moment."""
        if self._claimed_folder is not None:
            yield self._claimed_folder
            return
        span = (self.frames[0], self.frames[-1]) if self.frames else None
        with OutputFolder(self.folder, _KIND, self._name_pattern(), span) as folder:
            yield folder

    def _adopt_unlisted_files(self, folder: OutputFolder) -> None:
        """List what a version without manifests wrote: the files of exactly these names that are whole."""
        names = [*self._file_names(), "passes/scene.blend", "passes/order.json"]
        paths = ((name, folder.path(name)) for name in dict.fromkeys(names))
        folder.adopt([name for name, path in paths if not path.is_symlink() and path.is_file() and is_whole(path)])
        if not folder.path("passes/order.json").is_file():
            raise RequestError("resume", f"no interrupted run in {self.passes}", hint="start without Resume")


def _picture_name(frame: int) -> str:
    return f"frames/{frame:06d}.png"


def _data_names(frame: int) -> tuple[str, str]:
    """Of a frame's data, and of their sidecar."""
    return f"passes/{frame:06d}.exr", f"passes/{frame:06d}.json"


def _has_usable_files(folder: OutputFolder, names: Iterable[str], is_damaged: Any) -> bool:
    """Whether files are there and not to be made again; what is damaged is set aside."""
    stand = True
    for name in names:
        status = folder.status(name)
        if status is Status.CHANGED and is_damaged(folder.path(name)):
            folder.set_changed_aside([name], _log.warning)
            status = Status.ABSENT
        stand &= status in (Status.SOUND, Status.CHANGED)
    return stand
