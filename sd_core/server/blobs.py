"""Arrays and files by the SHA-256 of their bytes, in one folder of bounded size."""

from __future__ import annotations

import errno
import logging
import os
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError, ServerError
from ..files import output_error, sync_folder, write_files
from .blob_references import BlobReferences, ResultBlobs
from .eviction import EvictionOrder
from .integrity import IntegrityChecks, move_aside
from .upload_budget import UploadBudget
from .uploads import Upload, blob_name

_log = logging.getLogger(__name__)

_NAME = re.compile(r"([0-9a-f]{64})\.(npy|bin)")
_UNFINISHED = re.compile(r"upload-[0-9a-f]{16}\.tmp|\.[0-9a-f]{64}\.(npy|bin)\.[0-9a-f]{8}\.tmp")
"""What `Upload` and `write_files` leave when the server is killed; any other file is somebody else's."""


class BlobStore:
    """Content-addressed files; safe to use from any thread.

    Above `bound` bytes the least recently used are deleted (what was sent before what was made, see `EvictionOrder`), but none that
    is pinned, and what a result was made from only after the result, so that whatever is left can be read. Those that begin as
    `.npy` files do are called `<sha256>.npy`, so that a request can be decoded straight from the folder; all others `<sha256>.bin`.
    """

    def __init__(self, folder: Path, bound: int) -> None:
        self.folder = folder
        self._bound = bound
        self._files: OrderedDict[str, tuple[Path, int]] = OrderedDict()
        self._pins: Counter[str] = Counter()
        self._references = BlobReferences()
        self._checks = IntegrityChecks()
        self._eviction = EvictionOrder(bound)
        self._unsynced: set[str] = set()
        self._lock = threading.RLock()
        self._upload_budget = UploadBudget(bound)
        self.total = 0

    def open(self) -> None:
        """Find what is there, oldest use first, and delete what an interrupted upload has left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found: list[tuple[float, int, Path]] = []
        for path in self.folder.iterdir():
            if _NAME.fullmatch(path.name):
                if not path.is_file():
                    _log.error("blob is no file", extra={"moved_to": str(move_aside(path))})
                    continue
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
            elif _UNFINISHED.fullmatch(path.name) and path.is_file():
                path.unlink()
        for _, size, path in sorted(found):
            self._files[path.stem] = (path, size)
            self.total += size

    def __len__(self) -> int:
        return len(self._files)

    def find(self, digest: str) -> Path | None:
        """The file, which now counts as just used; None where there is none."""
        with self._lock:
            if digest not in self._files:
                return None
            path = self._files[digest][0]
            try:
                self._checks.touch(digest, path)
            except FileNotFoundError:  # deleted by somebody else
                self._remove(digest)
                return None
            except OSError as error:
                _log.warning("blob cannot be marked as used", extra={"file": path.name, "reason": str(error)})
            self._files.move_to_end(digest)
            return path

    def intact_path(self, digest: str) -> Path | None:
        """The file, after its bytes have been compared with its digest; None where there is none.

        Raises:
            ServerError: 410, the file is damaged. It was moved to the folder "damaged", so that it can be sent again.
        """
        path = self.find(digest)
        problem = None if path is None else self._checks.problem(digest, path)
        if problem is None:
            return path
        self._set_aside(digest, problem)
        raise ServerError(
            f"the blob {digest} is damaged on the server's disk: {problem}",
            status=410,
            hint="it was moved aside; sending it again repairs it",
        )

    def missing_or_damaged(self, digests: Iterable[str]) -> list[str]:
        """Those that are missing or damaged; the damaged ones are missing from now on."""
        return sorted(digest for digest in digests if not self._is_intact(digest))

    def size_of(self, digests: Iterable[str]) -> int:
        """Bytes of those that are here."""
        with self._lock:
            return sum(self._files[digest][1] for digest in digests if digest in self._files)

    def pin_all(self, digests: Iterable[str]) -> list[str]:
        """Pin all of them, or none where some are missing; gives those that are missing."""
        with self._lock:
            wanted = set(digests)
            missing = sorted(digest for digest in wanted if self.find(digest) is None)
            if not missing:
                self._pins.update(wanted)
            return missing

    def pin(self, counts: Mapping[str, int]) -> None:
        """Pin each of these so often, whether it is there or not."""
        with self._lock:
            self._pins.update(counts)

    def release(self, digests: Iterable[str]) -> None:
        """Take one pin from each."""
        with self._lock:
            self._pins.subtract(set(digests))
            self._pins = +self._pins

    def keep_inputs(self, result: ResultBlobs) -> None:
        """Keep what a result was made from as long as the result; one that is not whole any more needs nothing."""
        with self._lock:
            if result.outputs <= self._files.keys():
                self._references.add(result)

    def note_made(self, digest: str, owner: str) -> None:
        """A job of this owner has made this; it stays longer than what was only sent."""
        with self._lock:
            if digest in self._files:
                self._eviction.note_made(digest, owner)

    def put(self, blobs: Mapping[str, bytes], owner: str = "") -> None:
        """Store what a job of `owner` has made, by digests known to be right; they stay together until all are there.

        Raises:
            OutputError: the disk, or the store with what waiting jobs need, is full.
        """
        with self._lock:
            self._pins.update(blobs.keys())
        try:
            for digest, raw in blobs.items():
                if not self._is_intact(digest):
                    self._write(digest, raw, owner)
                self.note_made(digest, owner)
        finally:
            self.release(blobs)

    @contextmanager
    def receive(self, sender: str | None = None) -> Iterator[Upload]:
        """A file to be filled piece by piece and then kept or forgotten; without a sender, one of whoever may fill all."""
        upload = Upload(self, sender)
        try:
            yield upload
        finally:
            upload.discard()

    def make_room(self, size: int, owner: str | None = None) -> bool:
        """Delete until `size` more bytes, of `owner`, are within the bound; whether that was possible."""
        with self._lock:
            return self._delete_down_to(self._bound - size, owner)

    def count_upload(self, sender: str | None, size: int) -> None:
        """Count bytes of an upload that is under way, or that has ended where `size` is negative; nothing makes room for them.

        Raises:
            OutputError: too much is under way.
        """
        with self._lock:
            if size > 0:
                self._upload_budget.reserve(sender, size)
            else:
                self._upload_budget.release(sender, -size)

    def is_pinned(self, digest: str) -> bool:
        """Whether an unfinished job needs this."""
        return self._pins[digest] > 0

    def adopt(self, digest: str, temporary: Path, name: str, size: int, sender: str | None = None) -> None:
        """Take over a complete file, unless a sound one is there."""
        owner = sender or ""
        known = self._is_intact(digest)
        with self._lock:
            if known or digest in self._files:
                self._eviction.note_sent(digest, owner, size)
                return
            self._require_room(size, owner)
            path = self.folder / name
            if path.is_dir():
                move_aside(path)
            try:
                temporary.replace(path)
            except OSError as error:
                raise output_error(Path(path.name), error) from error
            self._add(digest, path, size)
            self._eviction.note_sent(digest, owner, size)
            self._checks.trust(digest, path)
            self._unsynced.add(digest)

    def sync(self, digests: Iterable[str]) -> None:
        """Make uploads last through a power cut, before a job that needs them is acknowledged.

        Raises:
            OutputError: the disk fails.
        """
        with self._lock:
            paths = {digest: self._files[digest][0] for digest in self._unsynced.intersection(digests)}
        for path in paths.values():
            try:
                with path.open("r+b") as stream:  # Windows flushes no file that is open for reading only
                    os.fsync(stream.fileno())
            except OSError as error:
                raise output_error(Path(path.name), error) from error
        if paths:
            sync_folder(self.folder)
        with self._lock:
            self._unsynced -= paths.keys()

    def delete(self, digests: Iterable[str]) -> None:
        """Delete those that nobody has pinned and no result of another job was made from."""
        with self._lock:
            for digest in digests:
                if digest in self._files and self._pins[digest] <= 0 and not self._references.is_referenced(digest):
                    self._remove(digest)

    def free_space(self, size: int) -> None:
        """Delete the least recently used to give `size` bytes back to a full disk; nothing, where all would not be enough."""
        with self._lock:
            spare = sum(file_size for digest, (_, file_size) in self._files.items() if self._pins[digest] <= 0)
            if spare >= size:
                self._delete_down_to(self.total - size)

    def _is_intact(self, digest: str) -> bool:
        try:
            return self.intact_path(digest) is not None
        except ServerError as error:
            _log.error("blob is damaged", extra={"reason": str(error)})
            return False

    def _set_aside(self, digest: str, problem: str) -> None:
        """A result that it belonged to stays bound to what it was made from: sent or made again, it is whole."""
        with self._lock:
            if digest not in self._files:
                return
            path, size = self._files.pop(digest)
            self._unsynced.discard(digest)
            self._checks.forget(digest)
            self.total -= size
        try:
            moved_to = move_aside(path)
        except OSError as error:
            _log.error("damaged blob cannot be moved", extra={"file": path.name, "reason": str(error)})
        else:
            _log.error("damaged blob moved aside", extra={"file": str(moved_to), "reason": problem})

    def _write(self, digest: str, raw: bytes, owner: str) -> None:
        path = self.folder / blob_name(digest, raw[:6])
        if path.is_dir():
            move_aside(path)
        with self._lock:
            self._require_room(len(raw), owner)
        try:
            _write_file(path, raw)
        except OutputError as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.ENOSPC:
                raise
            self.free_space(len(raw))
            _write_file(path, raw)
        with self._lock:
            self._add(digest, path, len(raw))

    def _require_room(self, size: int, owner: str) -> None:
        if not self.make_room(size, owner):
            raise OutputError(
                "blobs",
                f"has no room for {size} more bytes: waiting jobs need the rest",
                hint="wait for some to end",
            )

    def _add(self, digest: str, path: Path, size: int) -> None:
        if digest not in self._files:
            self._files[digest] = (path, size)
            self.total += size

    def _delete_down_to(self, total: int, owner: str | None = None) -> bool:
        if self.total <= total:
            return True
        for may_go in self._eviction.steps(owner):
            while self._delete(
                total, lambda digest, may_go=may_go: may_go(digest) and not self._references.is_referenced(digest)
            ):
                pass  # a result that went may have freed what it was made from
        self._delete(total, lambda digest: True)  # results made from one another in a circle
        return self.total <= total

    def _delete(self, total: int, may_go: Callable[[str], bool]) -> bool:
        """Delete the least recently used of those that may go until `total` bytes are left; whether any was deleted."""
        before = self.total
        for digest in list(self._files) if self.total > total else ():
            if self._pins[digest] <= 0 and may_go(digest):
                self._remove(digest)
            if self.total <= total:
                break
        return self.total < before

    def _remove(self, digest: str) -> None:
        path, size = self._files.pop(digest)
        self._unsynced.discard(digest)
        self._checks.forget(digest)
        self._references.forget_results_of(digest)
        self._eviction.forget(digest)
        self.total -= size
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            _log.error("blob cannot be deleted", extra={"file": path.name, "reason": str(error)})


def _write_file(path: Path, raw: bytes) -> None:
    """Errors name the file alone: clients see them, and must not learn where the home folder is."""
    try:
        write_files([(path, raw)])
    except OutputError as error:
        raise OutputError(path.name, error.message, hint=error.hint) from error.__cause__
