"""What an output folder notes about its run, the request as asked and as resolved, and who may go on with that run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..error_codes import ErrorCode
from ..errors import OutputError, RequestError
from ..requests import Request, from_json, is_json_of
from .folder import OutputFolder
from .manifest import MANIFEST
from .whole import is_whole

_UNREADABLE = frozenset({ErrorCode.NEWER_FORMAT, ErrorCode.UNKNOWN_FIELD})


def run_notes(asked: Request, resolved: Request) -> dict[str, Any]:
    """What is noted when a run begins."""
    return {"asked": asked.to_json(), "resolved": resolved.to_json()}


def noted_request(about: Mapping[str, Any], asked: Request) -> Request:
    """The resolved request of the run that is noted; `asked` has its arrays.

    Raises:
        RequestError: it cannot be read, or has other arrays.
    """
    return from_json(about["resolved"], arrays=asked.arrays())


def check_resume(folder: Path | None, *, resume: bool, overwrite: bool) -> None:
    """Refuse what cannot be meant.

    Raises:
        RequestError: `resume` without a folder, or with `overwrite`.
    """
    if resume and folder is None:
        raise RequestError(
            "resume",
            "needs an output folder",
            hint="name the one of the run that was stopped",
            code=ErrorCode.CANNOT_RESUME,
        )
    if resume and overwrite:
        raise RequestError("overwrite", "starts again, resume continues", hint="choose one of them")


def begin_run(files: OutputFolder, asked: Request, resolved: Request, warn: Callable[[str], None]) -> None:
    """Note a new run. What an earlier run left goes, unless it has changed: then it is set aside, and `warn` is called."""
    listed = files.listed_names()
    files.set_changed_aside(listed, warn)
    files.remove(listed)
    files.write({}, run_notes(asked, resolved))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """How a run's folder is laid out.

    what: its pictures, for people: "finished frames". earlier: name of the file in which versions without a manifest kept the
    notes. names: all that such a version may have written, `earlier` too. belongs: of those which are there and whole, the
    ones that its run wrote.
    """

    what: str
    earlier: str
    names: Callable[[], Iterable[str]]
    belongs: Callable[[list[str]], Iterable[str]] = lambda names: names

    def open_run(
        self, files: OutputFolder, request: Request, *, resume: bool, overwrite: bool
    ) -> Mapping[str, Any] | None:
        """What is noted about the run that is to be resumed; None: a new one may begin.

        A folder of an earlier version, which listed nothing, is taken over where its run is resumed, as far as it is whole.

        Raises:
            RequestError: there are pictures, and nobody said what to do with them; or they are another request's, or of a
                request that only a newer version reads, which is said.
        """
        path = files.path(self.earlier)
        if not files.is_listed and not overwrite and path.is_file():
            self._adopt(files, path, request, resume=resume)
        about = files.about
        if resume and about:
            _require_same(files.root / MANIFEST, about, request)
            return about
        if not resume and not overwrite:
            self._require_empty(files, request)
        return None

    def _adopt(self, files: OutputFolder, path: Path, request: Request, *, resume: bool) -> None:
        """Nobody vouches for what an earlier version left: it is gone on with, or left alone."""
        about = _read_earlier(path)
        if resume:
            _require_same(path, about, request)
        else:
            self._refuse(files, self._on_disk(files, self.names()), request, about, of_earlier=True)
        files.adopt(self.belongs([name for name in self.names() if _is_whole_file(files.path(name))]), about)

    def _require_empty(self, files: OutputFolder, request: Request) -> None:
        present = self._on_disk(files, files.listed_names())
        if present:
            self._refuse(files, present, request, files.about, of_earlier=False)

    def _on_disk(self, files: OutputFolder, names: Iterable[str]) -> list[str]:
        """Those that are there, but for what only a run that goes on needs."""
        results = (name for name in names if name != self.earlier and not name.startswith("state/"))
        return [name for name in results if os.path.lexists(files.path(name))]

    def _refuse(
        self, files: OutputFolder, present: list[str], request: Request, about: Mapping[str, Any], *, of_earlier: bool
    ) -> None:
        same = is_json_of(about.get("asked"), request)
        pictures = sum(name.endswith(".png") for name in present)
        message = f"{files.root} holds {pictures} {self.what} of {'this' if same else 'another'} request"
        onward = "resume=True (--resume) goes on with them" if same else ""
        if of_earlier:
            hint = f"{onward + '; or ' if same else ''}move them away, or use another folder"
            raise RequestError("output", f"{message}, of an earlier version", hint=hint)
        remedy = "overwrite=True (--overwrite) generates them again; or use another folder"
        raise RequestError("output", message, hint=f"{onward + ', ' if same else ''}{remedy}")


def _require_same(path: Path, about: Mapping[str, Any], request: Request) -> None:
    """path: of the notes, for errors."""
    if is_json_of(about.get("asked"), request):
        return
    message, code = f"{path} belongs to another request", ErrorCode.CANNOT_RESUME
    if (problem := _problem(about, request)) is not None:
        message, code = f"{path} notes a request that this version of sd_core cannot read: {problem}", problem.code
    raise RequestError("resume", message, hint="use another folder, or the sd_core that wrote it", code=code)


def _problem(about: Mapping[str, Any], request: Request) -> RequestError | None:
    """Why the noted request cannot be read, where that is a matter of versions."""
    try:
        from_json(about.get("asked", ""), arrays=request.arrays())
    except RequestError as error:
        return error if error.code in _UNREADABLE else None
    return None


def _is_whole_file(path: Path) -> bool:
    return not path.is_symlink() and is_whole(path)


def _read_earlier(path: Path) -> dict[str, Any]:
    try:
        notes = json.loads(path.read_bytes())
        return {"asked": str(notes["asked"]), "resolved": str(notes["resolved"])}
    except OSError as error:
        raise OutputError(str(path), f"cannot be read: {error}", hint="check the folder") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RequestError(
            "resume", f"{path} is damaged: {error}", hint="use another folder", code=ErrorCode.CANNOT_RESUME
        ) from error
