"""Pictures as the bytes that a browser shows. Pillow is imported on use."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from sd_core.encoding import encode_png
from sd_core.values import PICTURE_FORMATS, Array, to_pillow

if TYPE_CHECKING:
    from PIL.Image import Image

THUMBNAIL_SIDE = 144
"""Longest side of a thumbnail, px."""

_PREVIEW_QUALITY = 82


def preview_bytes(picture: Array) -> bytes:
    """JPEG of a preview, which is looked at for a quarter of a second."""
    return _jpeg(to_pillow(picture[..., :3]), _PREVIEW_QUALITY)


def thumbnail_bytes(picture: Array) -> bytes:
    """JPEG with a longest side of `THUMBNAIL_SIDE` px."""
    small = to_pillow(picture[..., :3])
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return _jpeg(small, _PREVIEW_QUALITY)


def png_bytes(picture: Array) -> bytes:
    """PNG of (h, w), (h, w, 3) or (h, w, 4), floats rounded to 8 bit."""
    if picture.dtype != np.uint8:
        picture = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return encode_png(picture)


def decode_picture(data: bytes) -> Image:
    """The Pillow image that a browser sent.

    Raises:
        OSError: no picture.
    """
    from PIL import Image

    image = Image.open(io.BytesIO(data), formats=PICTURE_FORMATS)
    image.load()
    return image


def depth_picture(depth: Array) -> Array:
    """(h, w) uint8, near = white: what the network is shown of a depth."""
    from sd_core.passes import depth_control, finite_range

    if depth.dtype == np.uint8:
        return depth
    if not np.isfinite(depth).any():
        return np.zeros(depth.shape, np.uint8)
    return np.rint(depth_control(depth, finite_range(depth)) * 255).astype(np.uint8)


def _jpeg(image: Image, quality: int, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality, **options)
    return stream.getvalue()
