"""Pictures as PNG, JPEG and WebP bytes with the request inside; Pillow is imported on use."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import RequestError
from .metadata import PARAMETERS, REQUEST, parameters_text
from .requests import Request
from .values import Array, to_pillow

_EXIF_IFD = 0x8769
_USER_COMMENT = 0x9286
_QUALITY = 95


def encode_png(picture: Array, request: Request | None = None) -> bytes:
    """(h, w), (h, w, 3) or (h, w, 4), uint8 or float32 in [0, 1]; a uint16 (h, w) becomes a 16-bit grey PNG.

    The request goes into the text chunks "parameters" and "sd_core".
    """
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    if request is not None:
        texts.add_text(PARAMETERS, parameters_text(request))
        texts.add_text(REQUEST, request.to_json())
    return _encode(picture, "PNG", pnginfo=texts)


def encode_jpeg(picture: Array, request: Request | None = None) -> bytes:
    """(h, w, 3); the A1111 parameters go into EXIF.

    Raises:
        RequestError: JPEG has no alpha.
    """
    if picture.ndim == 3 and picture.shape[2] == 4:
        raise RequestError("path", "JPEG cannot hold the alpha of this picture", hint="save it as .png or .webp")
    return _encode(picture, "JPEG", quality=_QUALITY, subsampling=0, exif=_exif(request))


def encode_webp(picture: Array, request: Request | None = None) -> bytes:
    """(h, w, 3|4); the A1111 parameters go into EXIF."""
    return _encode(picture, "WEBP", quality=_QUALITY, exif=_exif(request))


ENCODERS: dict[str, Callable[[Array, Request | None], bytes]] = {
    ".png": encode_png,
    ".jpg": encode_jpeg,
    ".jpeg": encode_jpeg,
    ".webp": encode_webp,
}
"""By suffix, in lower case."""


def _encode(picture: Array, kind: str, **options: Any) -> bytes:
    from PIL import Image

    deep = picture.dtype == np.uint16
    image = Image.fromarray(np.ascontiguousarray(picture)) if deep else to_pillow(picture)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _exif(request: Request | None) -> bytes:
    """UserComment as A1111 writes it: the character code "UNICODE", then UTF-16, most significant byte first."""
    from PIL import Image

    if request is None:
        return b""
    comment = b"UNICODE\0" + parameters_text(request).encode("utf-16-be")
    if len(comment) > 60_000:
        raise RequestError("path", "the prompt is too long for EXIF, which holds 64 KiB", hint="save as .png")
    exif = Image.Exif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = comment
    return exif.tobytes()
