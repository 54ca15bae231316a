# SPDX-License-Identifier: GPL-3.0-or-later
"""EXR files of data passes, written with NumPy and zlib: a frame whose picture is another one than the data render's.

The format: openexr.com, "OpenEXR File Layout"; scan lines, ZIP, one part.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sd_core.files import write_files
from sd_core.passes import ExrFile, ExrPass
from sd_core.values.srgb import decode_srgb

from .exr import read_blender_exr

_TYPES = {"uint32": 0, "float16": 1, "float32": 2}
_LINES_PER_CHUNK = 16
_ZIP = 3


def replace_picture(path: Path, picture: np.ndarray) -> Path:
    """Put a finished picture into the pass "Combined" of a frame.

    It is stored as linear colour times alpha, so that whoever reads the file gets the picture back, without a view transform.

    Args:
        picture: (h, w, 4) float32 in [0, 1], sRGB-encoded, straight alpha.

    Raises:
        RequestError: the file cannot be read. OutputError: it cannot be written; it is unchanged.
    """
    linear = decode_srgb(picture[..., :3]) * picture[..., 3:]
    planes = dict(zip("RGBA", np.moveaxis(np.dstack([linear, picture[..., 3]]), -1, 0).astype(np.float32), strict=True))
    return replace_passes(path, {"Combined": planes})


def replace_passes(path: Path, planes: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
    """Put other values into passes of a frame.

    Args:
        planes: by pass and component, (h, w) each.

    Raises:
        RequestError: the file cannot be read. OutputError: it cannot be written; it is unchanged.
    """
    file = read_blender_exr(path)
    passes = [ExrPass(each.view_layer, each.name, dict(planes.get(each.name, each.components))) for each in file.passes]
    return write_files([(path, exr_bytes(ExrFile(tuple(passes), file.header)))])[0]


def exr_bytes(file: ExrFile) -> bytes:
    """The passes as an EXR file of one part; of the header, the texts are kept (Cryptomatte needs them)."""
    channels = dict(sorted(_channels(file)))
    height, width = next(iter(channels.values())).shape
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    texts = {
        name: value for name, value in file.header.items() if isinstance(value, str) and name not in ("name", "type")
    }
    head = b"".join([
        struct.pack("<ii", 20000630, 2 | 0x400),
        _attribute_bytes("channels", "chlist", b"".join(_channel_bytes(*pair) for pair in channels.items()) + b"\0"),
        _attribute_bytes("compression", "compression", bytes([_ZIP])),
        _attribute_bytes("dataWindow", "box2i", window),
        _attribute_bytes("displayWindow", "box2i", window),
        _attribute_bytes("lineOrder", "lineOrder", b"\0"),
        _attribute_bytes("pixelAspectRatio", "float", struct.pack("<f", 1)),
        _attribute_bytes("screenWindowCenter", "v2f", struct.pack("<ff", 0, 0)),
        _attribute_bytes("screenWindowWidth", "float", struct.pack("<f", 1)),
        *(_attribute_bytes(name, "string", value.encode()) for name, value in texts.items()),
        b"\0",
    ])  # fmt: skip
    chunks = [_chunk_bytes(channels, line, height) for line in range(0, height, _LINES_PER_CHUNK)]
    starts = np.cumsum([len(head) + 8 * len(chunks), *(len(chunk) for chunk in chunks[:-1])])
    return head + starts.astype("<u8").tobytes() + b"".join(chunks)


def _channels(file: ExrFile) -> Iterator[tuple[str, np.ndarray]]:
    for each in file.passes:
        for component, plane in each.components.items():
            yield ".".join(filter(None, (each.view_layer, each.name, component))), plane


def _channel_bytes(name: str, plane: np.ndarray) -> bytes:
    return name.encode() + b"\0" + struct.pack("<iiii", _TYPES[plane.dtype.name], 0, 1, 1)


def _attribute_bytes(name: str, kind: str, value: bytes) -> bytes:
    return f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value


def _chunk_bytes(channels: dict[str, np.ndarray], first: int, height: int) -> bytes:
    last = min(first + _LINES_PER_CHUNK, height)
    lines = (plane[line] for line in range(first, last) for plane in channels.values())
    raw = b"".join(np.ascontiguousarray(line).tobytes() for line in lines)
    packed = zlib.compress(_differences(raw), 4)
    data = packed if len(packed) < len(raw) else raw
    return struct.pack("<ii", first, len(data)) + data


def _differences(raw: bytes) -> Any:
    """ZIP of EXR: even bytes first, then each as its difference from the one before."""
    values = np.frombuffer(raw, np.uint8)
    apart = np.concatenate([values[0::2], values[1::2]])
    out = apart.copy()
    out[1:] = apart[1:] - apart[:-1] + np.uint8(128)
    return out
