"""Blobs that arrive piece by piece."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from ..errors import RequestError
from ..files import output_error

_NPY_MAGIC = b"\x93NUMPY"
_CHUNK = 2**19
"""Bytes that are handed to another thread at once: handing over costs as much as hashing some hundred kilobytes."""


class BlobSink(Protocol):
    """Where a blob arrives: `folder` takes its bytes, and then it is adopted. `BlobStore` is one."""

    folder: Path

    def count_upload(self, sender: str | None, size: int) -> None:
        """Count `size` bytes that have come, or, where it is negative, that are no longer on their way."""

    def adopt(self, digest: str, temporary: Path, name: str, size: int, sender: str | None = None) -> None:
        """Take over a complete file under its name."""

    def free_space(self, size: int) -> None:
        """Make room for so many bytes."""


class Upload:
    """A blob that is arriving. Others make room for it when it is complete and right, and not before."""

    def __init__(self, store: BlobSink, sender: str | None = None) -> None:
        self._store = store
        self._sender = sender
        self._path = store.folder / f"upload-{os.urandom(8).hex()}.tmp"
        self._stream = self._path.open("xb", buffering=0)
        self._sha = hashlib.sha256()
        self._start = b""
        self._expected = 0

    def write(self, piece: bytes) -> None:
        """Append bytes.

        Raises:
            OutputError: full disk, or too much is under way.
        """
        self._store.count_upload(self._sender, len(piece))
        self._expected += len(piece)
        if len(self._start) < len(_NPY_MAGIC):
            self._start = (self._start + piece)[: len(_NPY_MAGIC)]
        self._sha.update(piece)
        try:
            self._append(piece)
        except OSError as error:
            raise output_error(Path(self._path.name), error) from error

    def keep(self, digest: str) -> None:
        """Take the complete file into the store under its digest.

        Raises:
            RequestError: the bytes have another digest.
            OutputError: full store.
        """
        if self._sha.hexdigest() != digest:
            raise RequestError("sha256", f"the bytes have the digest {self._sha.hexdigest()}", hint="send them again")
        self._stream.close()
        self._store.adopt(digest, self._path, blob_name(digest, self._start), self._expected, self._sender)

    def discard(self) -> None:
        """Delete what has not been kept."""
        self._forget()
        self._stream.close()
        self._path.unlink(missing_ok=True)

    def _forget(self) -> None:
        self._store.count_upload(self._sender, -self._expected)
        self._expected = 0

    def _append(self, piece: bytes) -> None:
        """A full disk gets one more chance, after old blobs have made room."""
        rest, tried = memoryview(piece), False
        while rest:
            try:
                rest = rest[self._stream.write(rest) :]
            except OSError as error:
                if tried or error.errno != errno.ENOSPC:
                    raise
                tried = True
                self._store.free_space(2 * len(piece))


async def fill(
    upload: Upload, pieces: AsyncIterator[bytes], digest: str, count: Callable[[int], None] = lambda size: None
) -> int:
    """Write all pieces and keep the file under its digest, outside the event loop; gives its size.

    `count` is called with the size of each piece that has arrived, and may refuse it.

    Raises:
        RequestError: the bytes have another digest.
        OutputError: full disk or full store.
    """
    part, size, total = list[bytes](), 0, 0
    async for piece in pieces:
        count(len(piece))
        part.append(piece)
        size += len(piece)
        total += len(piece)
        if size >= _CHUNK:
            await asyncio.to_thread(_write, upload, part)
            part, size = [], 0
    await asyncio.to_thread(_write, upload, part, digest)
    return total


def _write(upload: Upload, chunk: list[bytes], digest: str | None = None) -> None:
    """One part, which is the last where a digest is given."""
    for piece in chunk:
        upload.write(piece)
    if digest is not None:
        upload.keep(digest)


def blob_name(digest: str, start: bytes) -> str:
    """File name of a blob that begins with `start`."""
    return f"{digest}.{'npy' if start == _NPY_MAGIC else 'bin'}"
