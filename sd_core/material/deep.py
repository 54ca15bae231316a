"""Maps with more than 256 levels: PNG of 16 bit, and EXR of half floats."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..requests import NormalConvention, TextureMap
from ..values import Array
from .names import MaterialMap

_PARTS = {
    TextureMap.HEIGHT: MaterialMap.HEIGHT,
    TextureMap.ROUGHNESS: MaterialMap.ROUGHNESS,
    TextureMap.AMBIENT_OCCLUSION: MaterialMap.AMBIENT_OCCLUSION,
    TextureMap.METALLIC: MaterialMap.METALLIC,
}
_GREY, _RGB = 0, 2
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def deep_maps(maps: Mapping[str, Array], normal_convention: NormalConvention) -> dict[MaterialMap, Array]:
    """The maps that are data, as floats in [0, 1]; the normals in both conventions.

    Args:
        maps: (h, w) or (h, w, 3) float32 in [0, 1], by the names of `TextureMap`.
        normal_convention: the one of `maps["normal"]`.
    """
    found = {part: np.clip(maps[name], 0, 1) for name, part in _PARTS.items() if name in maps}
    if (normal := maps.get(TextureMap.NORMAL)) is not None:
        flipped = normal * np.array([1, -1, 1], np.float32) + np.array([0, 1, 0], np.float32)
        opengl, directx = (normal, flipped) if normal_convention is NormalConvention.OPENGL else (flipped, normal)
        found |= {MaterialMap.NORMAL_OPENGL: np.clip(opengl, 0, 1), MaterialMap.NORMAL_DIRECTX: np.clip(directx, 0, 1)}
    return found


def encode_png16(picture: Array) -> bytes:
    """(h, w) or (h, w, 3) floats in [0, 1] as PNG of 16 bit a channel, which Pillow writes of grey alone.

    PNG 1.2, with every row as its difference to the pixel on the left.
    """
    values = np.rint(picture * 65535).astype(">u2")
    channels = 1 if values.ndim == 2 else values.shape[2]
    raw = values.reshape(len(values), -1).view(np.uint8)
    left = np.pad(raw[:, : -2 * channels], ((0, 0), (2 * channels, 0)))
    rows = np.concatenate([np.ones((len(raw), 1), np.uint8), raw - left], axis=1)
    header = struct.pack(">IIBBBBB", picture.shape[1], picture.shape[0], 16, _GREY if channels == 1 else _RGB, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def encode_exr(picture: Array) -> bytes:
    """(h, w) or (h, w, 3) floats as they are, in half floats.

    Raises:
        OutputError: the OpenEXR package is not installed.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise OutputError("exr", "cannot be written without the OpenEXR package", hint="pip install OpenEXR") from error
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    pixels = np.ascontiguousarray(picture.astype(np.float16))
    with tempfile.TemporaryDirectory() as folder:  # the package writes files alone
        path = Path(folder) / "map.exr"
        OpenEXR.File(header, {"RGB" if pixels.ndim == 3 else "Y": pixels}).write(str(path))
        return path.read_bytes()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
