"""Finished views of a mesh texture in a folder, so that a run that was stopped can go on.

view_00.png ...          the views
object_00_view_00.png    those of single objects, by object and view; object_00_tile.png is a tiling texture
sd_core.manifest.json    their digests, and the request, as asked and as resolved
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sd_core.encoding import encode_png
from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError
from sd_core.outputs import OutputFolder, RunFolder, Status, begin_run, check_resume, is_whole, noted_request
from sd_core.requests import MeshTexture, Request
from sd_core.values import read_picture

from .plan import Context, Picture

_KIND = "mesh views"
_EARLIER = "mesh_texture.json"
"""Where versions without a manifest kept the request."""

_NAMES = re.compile(r"(object_[0-9]{2,}_)?view_[0-9]{2,}\.png|object_[0-9]{2,}_tile\.png|mesh_texture\.json")


class ViewStore:
    """Views by number in the context's output folder; without a folder nothing is kept.

    Args:
        names: of the files that may come to be written; None: those of the request's views.

    Raises:
        RequestError: to resume without a folder, or with one that holds another request's views; or not to, and there are views.
        OutputError: somebody else works in the folder, or somebody else's file is in the way; it cannot be written.
    """

    def __init__(self, request: MeshTexture, context: Context, names: Sequence[str] | None = None) -> None:
        folder, resume = context.output, context.resume
        check_resume(folder, resume=resume, overwrite=context.overwrite)
        self._asked, self._context = request, context
        views = range(request.max_views if request.views is None else len(request.views))
        self._planned = [view_name(index) for index in views] if names is None else names
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
        return None if self._about is None else noted_request(self._about, self._asked)

    def begin(self, resolved: MeshTexture) -> None:
        """Start a new run; `resolved` is noted for whoever resumes it. What an earlier run left goes, unless it has changed."""
        if self._files is not None:
            begin_run(self._files, self._asked, resolved, self._context.warn)

    def load(self, index: int) -> Picture | None:
        """See `load_named`."""
        return self.load_named(view_name(index))

    def save(self, index: int, picture: Picture) -> None:
        """See `save_named`."""
        self.save_named(view_name(index), picture)

    def holds(self, name: str) -> bool:
        """Whether a picture of this name was finished before."""
        return self._files is not None and self._about is not None and self._files.status(name) is Status.SOUND

    def load_named(self, name: str) -> Picture | None:
        """A picture that was finished before; None also for one that is damaged.

        Raises:
            RequestError: somebody has changed it, so that the texture would be another one.
        """
        if self._files is None or self._about is None:
            return None
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

    def save_named(self, name: str, picture: Picture) -> None:
        """Commit a picture.

        Raises:
            OutputError: it cannot be written.
        """
        if self._files is not None:
            self._files.write({name: encode_png(picture)})

    def _open_folder(self, files: OutputFolder) -> Mapping[str, Any] | None:
        """What is noted about the run that is resumed."""
        asked, context = self._asked, self._context
        names = self._planned
        run = RunFolder(what="views", earlier=_EARLIER, names=lambda: (_EARLIER, *names))
        about = run.open_run(files, asked, resume=context.resume, overwrite=context.overwrite)
        files.require_free(names)
        return about


def view_name(index: int) -> str:
    """Of a view of the whole mesh."""
    return f"view_{index:02d}.png"
