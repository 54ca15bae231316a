"""Whether a file is whole by its own format: cut, emptied or with a bit flipped it is not."""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

_PNG = b"\x89PNG\r\n\x1a\n"


def is_whole(path: Path) -> bool:
    """False for files that cannot be read, or whose suffix is none of those that output folders have."""
    check = _CHECKS.get(path.suffix.lower())
    try:
        return check is not None and check(path)
    except (OSError, ValueError, EOFError, KeyError, struct.error, zlib.error, zipfile.BadZipFile):
        return False


def _png(path: Path) -> bool:
    """Every chunk's checksum, up to the end; PNG specification, 5.3."""
    data = path.read_bytes()
    if not data.startswith(_PNG):
        return False
    at, kind = len(_PNG), b""
    while at < len(data) and kind != b"IEND":
        (length,), kind = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        end = at + 12 + length
        (check,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(data[at + 4 : end - 4]) != check:
            return False
        at = end
    return kind == b"IEND" and at == len(data)


def _npy(path: Path) -> bool:
    array = np.load(path, mmap_mode="r", allow_pickle=False)  # asks for as many bytes as the header promises
    return array.offset + array.nbytes == path.stat().st_size


def _npz(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def _json(path: Path) -> bool:
    return isinstance(json.loads(path.read_bytes()), dict)


def _html(path: Path) -> bool:
    return path.read_bytes().rstrip().endswith(b"</html>")


def _mp4(path: Path) -> bool:
    """The boxes fill the file exactly; ISO/IEC 14496-12, 4.2."""
    total, at, kinds = path.stat().st_size, 0, []
    with path.open("rb") as stream:
        while at < total:
            stream.seek(at)
            size, kind = struct.unpack(">I4s", stream.read(8))
            size = struct.unpack(">Q", stream.read(8))[0] if size == 1 else size
            if size < 8:
                return False
            at += size
            kinds.append(kind)
    return at == total and kinds[:1] == [b"ftyp"] and b"moov" in kinds


def _gif(path: Path) -> bool:
    data = path.read_bytes()
    return data[:6] in (b"GIF87a", b"GIF89a") and data[-1:] == b";"


def _exr(path: Path) -> bool:
    with path.open("rb") as stream:
        begins = stream.read(4) == b"\x76\x2f\x31\x01"
        stream.seek(0, os.SEEK_END)
        return begins and stream.tell() > 64


def _blend(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in (b"BLEN", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08\x00")


def _log(path: Path) -> bool:
    return path.is_file()  # text of any kind


_CHECKS: dict[str, Callable[[Path], bool]] = {
    ".png": _png,
    ".npy": _npy,
    ".npz": _npz,
    ".json": _json,
    ".html": _html,
    ".mp4": _mp4,
    ".gif": _gif,
    ".exr": _exr,
    ".blend": _blend,
    ".log": _log,
}
