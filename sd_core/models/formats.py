"""What a weight file is, by its content: suffixes lie, and a pickle runs any code that it names when it is opened.

Pickles are read by torch's weights-only unpickler alone, and only where the environment of this process says
`SD_CORE_ALLOW_PICKLE=1`: no request, no file and no server's client can say so.
"""

from __future__ import annotations

import json
import os
import pickletools
import stat
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from sd_core.errors import ModelMismatch, ModelNotFound
from sd_core.files import open_regular

ALLOW_PICKLE = "SD_CORE_ALLOW_PICKLE"
"""Environment variable; "1" allows pickles of weights."""

_HEAD = 4096
_LONGEST_HEADER = 100_000_000
"""Bytes; the bound of the safetensors library itself."""

MOST_TENSORS = 50_000
"""In one file: a whole SDXL has some 2,600, and a LoRA of all its layers, with the alphas of each, some 8,000."""

_SAFETENSORS_PREFIX = 8
_NEWEST_PROTOCOL = 5
_TEXT_OPCODES = 3
"""Instructions of a text pickle (protocols 0 and 1 have no magic number) after which a file counts as one."""


class Format(StrEnum):
    """What a file of weights can be; the values are shown in messages."""

    SAFETENSORS = "a safetensors file"
    GGUF = "a GGUF file"
    ZIP_PICKLE = "a pickle in a zip"
    PICKLE = "a pickle"


PICKLES = frozenset({Format.ZIP_PICKLE, Format.PICKLE})

_OTHER_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"BLENDER", "a Blender file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"version https://git-lfs", "a Git LFS pointer, which stands for a file that was not fetched"),
)
"""Files that people take for weights, by how they begin."""


def pickles_allowed(asked: bool | None = None) -> bool:
    """Whether pickles of weights may be read: as `asked` by the Python code of the user, else as the environment says."""
    return os.environ.get(ALLOW_PICKLE) == "1" if asked is None else asked


def check_format(path: Path, *, allow_pickle: bool | None = None) -> Format:
    """The format of a file that can be read here.

    Args:
        path: a regular file.
        allow_pickle: None: as the environment says.

    Raises:
        ModelNotFound: there is no such file.
        ModelMismatch: a pickle where none is allowed, GGUF, or no file of weights: says what it is.
    """
    with open_file(path) as stream:
        return check_stream(path, stream, allow_pickle=allow_pickle)


def check_stream(path: Path, stream: BinaryIO, *, allow_pickle: bool | None = None) -> Format:
    """As `check_format`, of a file that is open at its begin, and is there again afterwards."""
    kind = read_format(path, stream)
    if kind is Format.GGUF:
        hint = "use the .safetensors version: diffusers reads no whole Stable Diffusion 1.x, 2.x or XL from GGUF"
        raise ModelMismatch(f"{path} is {kind}, which is not supported", hint=hint)
    if kind in PICKLES and not pickles_allowed(allow_pickle):
        raise ModelMismatch(
            f"{path} is {kind}, a format that can run any code when it is opened",
            hint=f"use the .safetensors version, or set {ALLOW_PICKLE}=1 in the environment of the engine: "
            "then weights, and nothing else, are read from it",
        )
    return kind


def read_format(path: Path, stream: BinaryIO) -> Format:
    """The format of a file that is open at its begin, and is there again afterwards.

    Raises:
        ModelMismatch: none of the four; says what it is instead. Or it holds too many tensors, or cannot be read.
    """
    size = os.fstat(stream.fileno()).st_size
    try:
        head = stream.read(_HEAD) or b""  # None: a file of the system that would have to be waited for
        kind = _weights(path, stream, head, size)
        stream.seek(0)
    except OSError as error:
        raise ModelMismatch(f"{path} cannot be read ({error.strerror})", hint="name a .safetensors file") from error
    if kind is None:
        begin = head[:8].hex(" ")
        what = (
            "empty" if size == 0 else _other_format(head) or f"damaged or no file of weights (it begins with {begin})"
        )
        raise ModelMismatch(
            f"{path} is {what}",
            hint="delete it and get it again, or name a .safetensors file",
        )
    return kind


def open_file(path: Path) -> BinaryIO:
    """A regular file, opened to read; pipes and devices, which never end, are refused.

    Raises:
        ModelNotFound: there is no such file, or it cannot be read.
        ModelMismatch: not a regular file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ModelMismatch(f"{path} is no regular file", hint="name a .safetensors file")
        return open_regular(path)
    except OSError as error:
        raise ModelNotFound(
            str(path), f"cannot be read ({error.strerror})", hint="check its name and rights"
        ) from error


def _weights(path: Path, stream: BinaryIO, head: bytes, size: int) -> Format | None:
    if head.startswith(b"GGUF"):
        return Format.GGUF
    if head.startswith(b"PK\x03\x04"):
        return Format.ZIP_PICKLE if _holds_pickle(stream) else None
    if _is_safetensors(path, stream, head, size):
        return Format.SAFETENSORS
    return Format.PICKLE if _is_pickle(head) else None


def _is_safetensors(path: Path, stream: BinaryIO, head: bytes, size: int) -> bool:
    """Whether there is a header, of the length that is written before it, that is a JSON object of tensors within the file."""
    length = int.from_bytes(head[:_SAFETENSORS_PREFIX], "little")
    data = size - _SAFETENSORS_PREFIX - length
    if data < 0 or length > _LONGEST_HEADER or head[_SAFETENSORS_PREFIX : _SAFETENSORS_PREFIX + 1] != b"{":
        return False
    stream.seek(_SAFETENSORS_PREFIX)
    try:
        header = json.loads(stream.read(length))
        if len(header) > MOST_TENSORS:
            hint = "no model has so many: get it again, or use another one"
            raise ModelMismatch(f"{path} holds more than {MOST_TENSORS} tensors", hint=hint)
        return all(_fits(entry, data) for name, entry in header.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _fits(entry: dict[str, list[int]], data: int) -> bool:
    begin, end = entry["data_offsets"]
    return 0 <= begin <= end <= data


def _holds_pickle(stream: BinaryIO) -> bool:
    """Whether a zip holds what `torch.save` or TorchScript writes."""
    try:
        with zipfile.ZipFile(stream) as archive:
            return any(name.endswith(".pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _is_pickle(head: bytes) -> bool:
    if head[:1] == b"\x80":
        return len(head) > 1 and head[1] <= _NEWEST_PROTOCOL
    try:
        # `pickletools` reads instructions and runs none
        read = [code for code, _ in zip(pickletools.genops(head), range(_TEXT_OPCODES), strict=False)]
    except (ValueError, IndexError):
        return False
    return len(read) == _TEXT_OPCODES


def _other_format(head: bytes) -> str | None:
    for magic, name in _OTHER_FORMATS:
        if head.startswith(magic):
            return f"{name}, no file of weights"
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page, no file of weights"
    if text.startswith((b"{", b"[")):
        return "JSON text, no file of weights"
    if head.startswith(b"PK\x03\x04"):
        return "a zip archive without weights"
    return None
