"""Finished views of a mesh texture in a folder, so that a run that was stopped can go on.

view_00.png ...          the views
sd_core.manifest.json    their digests, and the request, as asked and as resolved
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from sd_core.encoding import encode_png
from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError
from sd_core.outputs import OutputFolder, Status, is_whole
from sd_core.requests import MeshTexture, Request, from_json, is_json_of
from sd_core.values import read_picture

from .plan import Context, Picture

_KIND = "mesh views"
_EARLIER = "mesh_texture.json"
"""Where versions without a manifest kept the request."""

_NAMES = re.compile(r"view_[0-9]{2,}\.png|mesh_texture\.json")


class ViewStore:
    """Views by number in the context's output folder; without a folder nothing is kept.

    Raises:
        RequestError: to resume without a folder, or with one that holds another request's views; or not to, and there are views.
        OutputError: somebody else works in the folder, or somebody else's file is in the way; it cannot be written.
    """

    def __init__(self, request: MeshTexture, context: Context) -> None:
        folder, resume = context.output, context.resume
        if resume and folder is None:
            raise RequestError(
                "resume",
                "needs an output folder",
                hint="name the one of the run that was stopped",
                code=ErrorCode.CANNOT_RESUME,
            )
        if resume and context.overwrite:
            raise RequestError("overwrite", "begins anew, resume goes on", hint="choose one of them")
        self._asked, self._context = request, context
        self._files = None if folder is None else OutputFolder(folder, _KIND, _NAMES)
        try:
            self._about = None if self._files is None else self._open_folder(self._files)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others work in the folder."""
        if self._files is not None:
            self._files.close()

    @property
    def resolved_request(self) -> Request | None:
        """What the folder notes as the resolved request of the run that is resumed; None for a new run."""
        return None if self._about is None else from_json(self._about["resolved"], arrays=self._asked.arrays())

    def begin(self, resolved: MeshTexture) -> None:
        """Start a new run; `resolved` is noted for whoever resumes it. What an earlier run left goes, unless it has changed."""
        if self._files is None:
            return
        self._files.set_changed_aside(self._files.listed_names(), self._context.warn)
        self._files.remove(self._files.listed_names())
        self._files.write({}, {"asked": self._asked.to_json(), "resolved": resolved.to_json()})

    def load(self, index: int) -> Picture | None:
        """A view that was finished before; None also for one that is damaged.

        Raises:
            RequestError: somebody has changed it, so that the texture would be another one.
        """
        if self._files is None or self._about is None:
            return None
        name = _name(index)
        path, status = self._files.path(name), self._files.status(name)
        if status is Status.CHANGED and is_whole(path):
            hint = "delete it to have it made again, or put it elsewhere"
            raise RequestError(
                "resume", f"{path} has been changed since it was made", hint=hint, code=ErrorCode.CANNOT_RESUME
            )
        if status is Status.CHANGED:
            aside = self._files.set_aside(name)
            self._context.warn(f"{name} was damaged, and is made again: what was there is {aside.name} now")
        return read_picture(path) if status is Status.SOUND else None

    def save(self, index: int, picture: Picture) -> None:
        """Commit a view.

        Raises:
            OutputError: it cannot be written.
        """
        if self._files is not None:
            self._files.write({_name(index): encode_png(picture)})

    def _open_folder(self, files: OutputFolder) -> dict[str, Any] | None:
        """What is noted about the run that is resumed."""
        asked, resume, overwrite = self._asked, self._context.resume, self._context.overwrite
        names = [_name(index) for index in range(asked.max_views if asked.views is None else len(asked.views))]
        if not files.is_listed and not overwrite and (files.root / _EARLIER).is_file():
            _adopt(files, names, asked, resume=resume)
        same = is_json_of(files.about.get("asked"), asked)
        if resume and files.about and not same:
            raise _anothers(files)
        held = sum(1 for name in files.listed_names() if name.endswith(".png") and os.path.lexists(files.path(name)))
        if held and not resume and not overwrite:
            onward = "resume=True (--resume) goes on with them, " if same else ""
            hint = f"{onward}overwrite=True (--overwrite) makes them anew; or use another folder"
            whose = "this" if same else "another"
            raise RequestError("output", f"{files.root} holds {held} views of {whose} request", hint=hint)
        files.require_free(names)
        return files.about if resume and files.about else None


def _adopt(files: OutputFolder, names: list[str], asked: MeshTexture, *, resume: bool) -> None:
    """List what an earlier version's run of this request, which is resumed, wrote, and is whole: nobody else vouches for it."""
    path = files.root / _EARLIER
    try:
        held = json.loads(path.read_bytes())
        about = {"asked": str(held["asked"]), "resolved": str(held["resolved"])}
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise RequestError(
            "resume", f"{path} is damaged: {error}", hint="use another folder", code=ErrorCode.CANNOT_RESUME
        ) from error
    same = is_json_of(about["asked"], asked)
    if resume and not same:
        raise _anothers(files)
    if not resume:
        onward = "resume=True (--resume) goes on with them; or " if same else ""
        message = f"{files.root} holds views of {'this' if same else 'another'} request, of an earlier version"
        raise RequestError("output", message, hint=f"{onward}move them away, or use another folder")
    paths = ((name, files.path(name)) for name in (_EARLIER, *names))
    files.adopt([name for name, path in paths if not path.is_symlink() and is_whole(path)], about)


def _anothers(files: OutputFolder) -> RequestError:
    return RequestError(
        "resume", f"{files.root} holds another request's views", hint="use another folder", code=ErrorCode.CANNOT_RESUME
    )


def _name(index: int) -> str:
    return f"view_{index:02d}.png"
