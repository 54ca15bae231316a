# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own multilayer EXR files, read with NumPy and zlib.

Blender's Python has no OpenEXR package, and Blender gives no pixels of a multilayer image. This reads what Blender writes
for the data passes, nothing else: scan lines, uncompressed or ZIP. The format: openexr.com, "OpenEXR File Layout".
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import ExrFile, ExrPass, FramePasses, frame_of, split_channel

_MAGIC = 20000630
_MULTI_PART, _TILED_OR_DEEP = 0x1000, 0xA00
_TYPES = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}
_LINES_PER_CHUNK = {0: 1, 2: 1, 3: 16}
"""Scan lines of a chunk by compression: none, ZIPS, ZIP."""


def read_passes(path: Path) -> FramePasses:
    """The passes and the camera of one frame that the background render has written.

    Raises:
        RequestError: missing or damaged; names the file.
    """
    return frame_of(read_blender_exr(path), path)


def read_blender_exr(path: Path) -> ExrFile:
    """Every pass of a file that Blender has written.

    Raises:
        RequestError: missing, damaged, or a kind of EXR that the data render does not write.
    """
    try:
        return _decode_file(path.read_bytes())
    except (OSError, ValueError, KeyError, IndexError, struct.error, zlib.error) as error:
        raise RequestError(str(path), f"is no EXR of a data render: {error}", hint="render the frame again") from error


@dataclass(frozen=True, slots=True)
class _ExrPart:
    header: dict[str, Any]
    channels: list[tuple[str, np.dtype[Any]]]
    width: int
    height: int
    top: int
    lines: int
    """Scan lines of a chunk."""

    @property
    def line_bytes(self) -> int:
        return sum(kind.itemsize for _, kind in self.channels) * self.width


def _decode_file(data: bytes) -> ExrFile:
    magic, version = struct.unpack_from("<ii", data, 0)
    if magic != _MAGIC or version & _TILED_OR_DEEP:
        raise ValueError("not an EXR of scan lines")
    multi = bool(version & _MULTI_PART)
    parts, place = _headers(data, 8, multi=multi)
    planes = [_planes(part) for part in parts]
    counts = [-(-part.height // part.lines) for part in parts]
    for offset in np.frombuffer(data, "<u8", sum(counts), place).tolist():
        index = struct.unpack_from("<i", data, offset)[0] if multi else 0
        _read_chunk(data, offset + (4 if multi else 0), parts[index], planes[index])
    return _file(parts, planes)


def _headers(data: bytes, offset: int, *, multi: bool) -> tuple[list[_ExrPart], int]:
    """The parts, and where the table of offsets begins."""
    parts = []
    while data[offset]:
        header, offset = _header(data, offset)
        parts.append(_part(header))
        if not multi:
            return parts, offset
    return parts, offset + 1


def _header(data: bytes, offset: int) -> tuple[dict[str, Any], int]:
    attributes: dict[str, Any] = {}
    while data[offset]:
        name, offset = _text(data, offset)
        kind, offset = _text(data, offset)
        size = struct.unpack_from("<i", data, offset)[0]
        value = data[offset + 4 : offset + 4 + size]
        attributes[name] = value.decode("utf-8", "replace") if kind == "string" else value
        offset += 4 + size
    return attributes, offset + 1


def _text(data: bytes, offset: int) -> tuple[str, int]:
    end = data.index(0, offset)
    return data[offset:end].decode("utf-8", "replace"), end + 1


def _part(header: dict[str, Any]) -> _ExrPart:
    left, top, right, bottom = struct.unpack("<4i", header["dataWindow"])
    compression = header["compression"][0]
    if compression not in _LINES_PER_CHUNK:
        raise ValueError(f"its compression, number {compression}, is not ZIP")
    return _ExrPart(
        header,
        list(_channels(header["channels"])),
        right - left + 1,
        bottom - top + 1,
        top,
        _LINES_PER_CHUNK[compression],
    )


def _channels(data: bytes) -> Iterator[tuple[str, np.dtype[Any]]]:
    offset = 0
    while data[offset]:
        name, offset = _text(data, offset)
        yield name, _TYPES[struct.unpack_from("<i", data, offset)[0]]
        offset += 16  # type, linear, sampling in x and y


def _planes(part: _ExrPart) -> dict[str, np.ndarray]:
    return {name: np.empty((part.height, part.width), kind) for name, kind in part.channels}


def _read_chunk(data: bytes, offset: int, part: _ExrPart, planes: dict[str, np.ndarray]) -> None:
    line, size = struct.unpack_from("<ii", data, offset)
    first = line - part.top
    count = min(part.lines, part.height - first)
    raw = np.frombuffer(data, np.uint8, size, offset + 8)
    wanted = count * part.line_bytes
    # A chunk that does not become smaller is stored as it is.
    rows = (raw if size == wanted else _inflate(raw)).reshape(count, part.line_bytes)
    start = 0
    for name, kind in part.channels:
        end = start + kind.itemsize * part.width
        planes[name][first : first + count] = np.ascontiguousarray(rows[:, start:end]).view(kind)
        start = end


def _inflate(raw: np.ndarray) -> np.ndarray:
    """ZIP of EXR: bytes as differences from the one before, even ones first."""
    differences = np.frombuffer(zlib.decompress(raw), np.uint8).copy()
    differences[1:] -= 128
    summed = np.cumsum(differences, dtype=np.uint8)
    half = (len(summed) + 1) // 2
    out = np.empty_like(summed)
    out[0::2], out[1::2] = summed[:half], summed[half:]
    return out


def _file(parts: list[_ExrPart], planes: list[dict[str, np.ndarray]]) -> ExrFile:
    found: dict[tuple[str, str], ExrPass] = {}
    header: dict[str, Any] = {}
    for part, channels in zip(parts, planes, strict=True):
        header |= part.header
        for channel, plane in channels.items():
            view_layer, name, component = split_channel(channel)
            found.setdefault((view_layer, name), ExrPass(view_layer, name)).components[component] = plane
    return ExrFile(tuple(found.values()), header)
