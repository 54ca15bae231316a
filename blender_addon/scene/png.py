# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG files from arrays, with NumPy and zlib: Blender's Python has no Pillow, and its own encoder blocks the window."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

import numpy as np

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_COMPRESSION_LEVEL = 1
"""Speed: the files are to be packed and written, not sent."""


def encode_png(picture: np.ndarray, texts: Mapping[str, str] | None = None) -> bytes:
    """A PNG. Safe to call from any thread; most of its time the others run.

    Args:
        picture: (h, w) or (h, w, 1-4), uint8 or uint16; floats in [0, 1] are rounded to 8 bit.
        texts: text chunks by keyword, before the pixels.

    PNG specification (third edition), sections 5, 9 and 11.
    """
    pixels = picture if picture.dtype in (np.uint8, np.uint16) else _eight_bit(picture)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    height, width, channels = pixels.shape
    depth = 8 * pixels.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[channels], 0, 0, 0)
    body = zlib.compress(_filter(pixels), _COMPRESSION_LEVEL)
    chunks = [(b"IHDR", header), *_texts(texts or {}), (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _eight_bit(picture: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _filter(pixels: np.ndarray) -> np.ndarray:
    """Each row as its difference to the one above (filter 2, "Up"), byte by byte."""
    height = pixels.shape[0]
    rows = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder(">"))).view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered


def _texts(texts: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    """International text chunks, not compressed."""
    for keyword, text in texts.items():
        yield b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
