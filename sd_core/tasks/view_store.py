"""Finished views of a mesh texture in a folder, so that a run that was stopped can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from sd_core.encoding import encode_png
from sd_core.errors import RequestError
from sd_core.files import make_folder, write_files
from sd_core.requests import MeshTexture, from_json
from sd_core.values import read_picture

from .plan import Picture

_MANIFEST = "mesh_texture.json"


class ViewStore:
    """Views by number in `folder`; without a folder nothing is kept.

    Raises:
        RequestError: `resume` without a folder, or with one that holds another request's views.
    """

    def __init__(self, folder: Path | None, request: MeshTexture, *, resume: bool) -> None:
        if resume and folder is None:
            raise RequestError("resume", "needs an output folder", hint="name the one of the run that was stopped")
        self._folder = folder
        self._asked = request
        self._manifest = self._read(resume=resume)

    def settled(self, resolved: MeshTexture) -> MeshTexture:
        """The resolved request of the run that is resumed; else `resolved`, which is noted for the next one."""
        if self._manifest is not None:
            return cast("MeshTexture", from_json(self._manifest["resolved"], arrays=self._asked.arrays()))
        if self._folder is not None:
            make_folder(self._folder)
            for old in self._folder.glob("view_*.png"):
                old.unlink()
            manifest = {"asked": self._asked.to_json(), "resolved": resolved.to_json()}
            write_files([(self._folder / _MANIFEST, json.dumps(manifest).encode())])
        return resolved

    def load(self, index: int) -> Picture | None:
        """A view that was finished before."""
        path = self._path(index)
        return read_picture(path) if path is not None and path.is_file() else None

    def save(self, index: int, picture: Picture) -> None:
        """Commit a view.

        Raises:
            OutputError: it cannot be written.
        """
        path = self._path(index)
        if path is not None:
            write_files([(path, encode_png(picture))])

    def _path(self, index: int) -> Path | None:
        return None if self._folder is None else self._folder / f"view_{index:02d}.png"

    def _read(self, *, resume: bool) -> dict[str, Any] | None:
        if not resume or self._folder is None or not (path := self._folder / _MANIFEST).is_file():
            return None
        try:
            manifest = json.loads(path.read_bytes())
            asked = manifest["asked"]
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise RequestError("resume", f"{path} is damaged: {error}", hint="start anew, without resume") from error
        if asked != self._asked.to_json():
            raise RequestError("resume", f"{self._folder} holds another request's views", hint="use another folder")
        return manifest
