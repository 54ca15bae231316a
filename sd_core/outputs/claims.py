"""Claims on a folder: one worker for all of it, or several for spans of frames that do not overlap."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
import weakref
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from ..errors import OutputError
from ..files import check_name, output_error
from .locks import describe_worker, hold_lock, try_lock, worker_record

PRIVATE = ".sd_core"
"""Folder within an output folder: who works there, and what is not finished yet."""

Span = tuple[int, int]
"""First and last frame."""

_CLAIM = re.compile(r"claim-([0-9a-f]{32})\.json")
_UNFINISHED = re.compile(r"unfinished-([0-9a-f]{32})")

_live_claims: set[str] = set()
"""Claims of this process: over NFS a lock does not keep a process from taking what it holds itself."""


class Claim:
    """A claim on a folder for as long as it is not released, or the process lives.

    span: None claims all.

    Raises:
        OutputError: somebody else works there, and who; the folder cannot be written; nothing is changed.
    """

    def __init__(self, root: Path, span: Span | None = None) -> None:
        self._private = root / PRIVATE
        self._id = uuid.uuid4().hex
        self.is_root_new = _make(root)
        self._handle: int | None = None
        try:
            self._take(root, span)
        except BaseException:
            self.release(root, trace=True)
            self._remove_traces(root)
            raise

    @property
    def unfinished_folder(self) -> Path:
        """Folder for what is not finished; it goes with the claim."""
        return self._private / f"unfinished-{self._id}"

    def lock_manifest(self) -> AbstractContextManager[None]:
        """While it lasts no other worker changes the manifest; what does is seen to be alive.

        Raises:
            OutputError: the claim has been removed meanwhile, or see `hold_lock`.
        """
        if self._handle is not None:
            try:
                os.utime(self._path)
            except OSError as error:
                raise output_error(self._path, error) from error
        return hold_lock(self._private / "lock")

    def release(self, root: Path, *, trace: bool) -> None:
        """Give the claim back. trace: whether anything of ours is in the folder; else all that was made goes."""
        if self._handle is None:
            return
        with hold_lock(self._private / "lock"):
            self._finalizer()
            self._handle = None
            self._path.unlink(missing_ok=True)
            shutil.rmtree(self.unfinished_folder, ignore_errors=True)
        if not trace:
            self._remove_traces(root)

    @property
    def _path(self) -> Path:
        return self._private / f"claim-{self._id}.json"

    def _take(self, root: Path, span: Span | None) -> None:
        if self._private.is_symlink():
            raise OutputError(str(self._private), "is a link", hint="remove it, or use another folder")
        with hold_lock(self._private / "lock"):
            self._refuse_others(root, span)
            try:
                handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
                self._handle = handle
                self._finalizer = weakref.finalize(self, _end_claim, handle, self._id)
                os.write(handle, json.dumps(worker_record(self._id, span)).encode())
                self.unfinished_folder.mkdir()
            except OSError as error:
                raise output_error(self._path, error) from error
            if not try_lock(handle, self._path):
                raise OutputError(str(self._path), "is locked by somebody else", hint="use another folder")
            _live_claims.add(self._id)

    def _refuse_others(self, root: Path, span: Span | None) -> None:
        """What a killed worker left unfinished is removed; one that lives is respected."""
        live = {run for run in self._ids(_CLAIM) if self._is_live(run)}
        for run in live:
            who, theirs = describe_worker(self._private / f"claim-{run}.json")
            if _overlap(span, theirs):
                at = "" if theirs is None else f" at frames {theirs[0]} to {theirs[1]}"
                raise OutputError(
                    str(root), f"is worked in{at} by {who}", hint="wait until it has ended, or use another folder"
                )
        for run in self._ids(_UNFINISHED) - live:
            shutil.rmtree(self._private / f"unfinished-{run}", ignore_errors=True)
        for run in self._ids(_CLAIM) - live:
            (self._private / f"claim-{run}.json").unlink(missing_ok=True)

    def _ids(self, pattern: re.Pattern[str]) -> set[str]:
        found = (pattern.fullmatch(name) for name in os.listdir(self._private))  # noqa: PTH208 - names are wanted
        return {match[1] for match in found if match is not None}

    def _is_live(self, claim_id: str) -> bool:
        if claim_id in _live_claims:
            return True
        path = self._private / f"claim-{claim_id}.json"
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise output_error(path, error) from error
        try:
            return not try_lock(handle, path)
        finally:
            os.close(handle)

    def _remove_traces(self, root: Path) -> None:
        """The folders that were made for nothing."""
        if self._private.is_symlink() or not self._private.is_dir():
            _rmdir(root) if self.is_root_new else None
            return
        with hold_lock(self._private / "lock"):
            alone = not self._ids(_CLAIM)
            if alone:
                with suppress(PermissionError):  # Windows keeps a file that is open
                    (self._private / "lock").unlink(missing_ok=True)
        if alone:
            _rmdir(self._private)
            if self.is_root_new:
                _rmdir(root)


def _end_claim(handle: int, claim_id: str) -> None:
    """Also where nobody released the claim, and its owner is forgotten."""
    _live_claims.discard(claim_id)
    os.close(handle)


def _make(root: Path) -> bool:
    """Make the folder; True where it was not there."""
    check_name(root)
    try:
        root.mkdir()
    except FileExistsError:
        if not root.is_dir():
            raise OutputError(str(root), "is a file", hint="name a folder") from None
        return False
    except OSError as error:
        raise output_error(root, error) from error
    return True


def _rmdir(folder: Path) -> None:
    """Remove a folder that is empty; another one is somebody's."""
    try:
        folder.rmdir()
    except OSError:
        return


def _overlap(first: Span | None, second: Span | None) -> bool:
    return first is None or second is None or (first[0] <= second[1] and second[0] <= first[1])
