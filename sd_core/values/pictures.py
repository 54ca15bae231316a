"""Pictures and masks from whatever a user holds: arrays, Pillow images, paths. Pillow is imported on use."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from .arrays import Array, freeze, load_array
from .base import InvalidValue
from .luminance import luma

if TYPE_CHECKING:
    from PIL.Image import Image

PictureLike: TypeAlias = "Array | Image | str | os.PathLike[str]"

MAX_SIDE = 16384
"""Longest side of a picture in a request, px."""

PICTURE_FORMATS = (
    "AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "PSD", "QOI", "SGI", "TGA", "TIFF", "WEBP",
)  # fmt: skip
"""Pillow's names of the formats that are opened. Of the others, EPS starts Ghostscript on the program that the file is, and
some decoders are seldom used and little tested."""

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error, UserWarning)
"""What Pillow's decoders raise on damaged files; warnings, where the program makes errors of them."""


def unit_floats(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Pixels (h, w, ...) as float32 in [0, 1], whether they are stored so or as uint8."""
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(255.0)
    return image.astype(np.float32)


def as_picture(value: PictureLike) -> Array:
    """(h, w, 3|4) uint8 or float32 in [0, 1], sRGB-encoded, frozen."""
    array = picture_array(value)
    if array.ndim != 3 or array.shape[2] not in (3, 4):
        raise InvalidValue(f"must be (h, w, 3) or (h, w, 4), got {array.shape}", "put the channels last")
    return freeze(_unit_range(check_size(array)))


def as_control(value: PictureLike) -> Array:
    """(h, w, 3) picture; (h, w) is spread over three channels and a wholly opaque alpha left out."""
    array = picture_array(value)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    picture = as_picture(array)
    if picture.shape[2] == 3:
        return picture
    if (picture[..., 3] != (255 if picture.dtype == np.uint8 else 1)).any():
        raise InvalidValue("has transparent pixels", "put it on a background first")
    return freeze(picture[..., :3])


def as_mask(value: PictureLike) -> Array:
    """(h, w) float32 in [0, 1]; bool and uint8 (divided by 255) arrays and grey or RGB pictures are converted."""
    array = picture_array(value)
    if not isinstance(value, np.ndarray) and array.ndim == 3:
        array = _luminance(array)
    if array.ndim != 2:
        raise InvalidValue(f"must be (h, w), got {array.shape}", "give one channel: 1 where to repaint")
    array = _unit_range(check_size(array.astype(np.uint8) * 255 if array.dtype == bool else array))
    return freeze(array.astype(np.float32) / 255 if array.dtype == np.uint8 else array)


def read_picture(path: str | os.PathLike[str]) -> Array:
    """Read a picture file: (h, w, 3|4) uint8, or float32 where the file has 16 bit or more; EXIF orientation applied.

    Raises:
        RequestError: missing, no picture, truncated, or larger than Pillow's decompression-bomb limit; names the path.
    """
    try:
        return as_picture(path)
    except InvalidValue as wrong:
        raise RequestError(str(path), wrong.message, hint=wrong.hint) from wrong.__cause__


def to_pillow(picture: Array) -> Image:
    """A Pillow image of (h, w), (h, w, 3) or (h, w, 4); floats in [0, 1] are rounded to 8 bit."""
    from PIL import Image

    eight_bit = picture if picture.dtype == np.uint8 else np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(eight_bit))


def picture_array(value: PictureLike) -> Array:
    """The pixels of a picture as they are stored; those of Pillow and of files are (h, w, 3|4).

    Raises:
        InvalidValue: no picture, or one that cannot be read.
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, (str, os.PathLike)):
        return _npy(Path(value)) if is_npy(value) else _open(Path(value))
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(value, pillow.Image):
        return _from_pillow(value, "the picture")
    raise InvalidValue(
        f"must be an array, a Pillow image or a path, got {type(value).__name__}", "give a NumPy array (h, w, 3)"
    )


def is_npy(value: object) -> bool:
    """Whether it is the path of an array, `.npy`."""
    return isinstance(value, (str, os.PathLike)) and str(value).lower().endswith(".npy")


def _npy(path: Path) -> Array:
    try:
        return load_array(path)
    except RequestError as error:
        raise InvalidValue(f"{path} {error.message}", error.hint) from error


def _open(path: Path) -> Array:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=PICTURE_FORMATS) as image:
            _refuse_bomb(image, path)
            return _from_pillow(image, str(path))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidValue(f"{path} is too large to be read safely: {error}", "make it smaller") from error
    except UnidentifiedImageError as error:
        raise InvalidValue(
            f"{path} is no picture that can be read", "give a PNG, JPEG, WebP, TIFF or .npy file"
        ) from error
    except InvalidValue:
        raise
    except _BROKEN as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidValue(f"{path} cannot be read: {reason}", "check the path, and that the file is whole") from error


def _refuse_bomb(image: Image, path: Path) -> None:
    """Pillow only warns between its limit and twice that; we refuse."""
    import PIL.Image

    limit = PIL.Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise InvalidValue(f"{path} is too large: {image.width} x {image.height} px", f"at most {limit} px are read")


def _from_pillow(image: Image, name: str) -> Array:
    from PIL import ImageOps

    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode == "F":
            return _grey_to_rgb(np.asarray(upright, np.float32))
        if upright.mode.startswith("I"):
            return _grey_to_rgb(np.asarray(upright).astype(np.float32) / 65535)
        alpha = upright.has_transparency_data
        return np.asarray(upright.convert("RGBA" if alpha else "RGB"))
    except _BROKEN as error:
        raise InvalidValue(f"{name} is damaged or truncated: {error}", "save or copy it again") from error


def _grey_to_rgb(grey: Array) -> Array:
    return np.repeat(grey[..., None], 3, axis=2)


def _luminance(picture: Array) -> Array:
    """Rec. 601 luma, as Pillow's own conversion to grey."""
    grey = luma(picture[..., :3].astype(np.float32))
    return np.rint(grey).astype(np.uint8) if picture.dtype == np.uint8 else np.clip(grey, 0, 1)


def check_size(array: Array) -> Array:
    """The array (h, w, ...), whose sides are within `MAX_SIDE`.

    Raises:
        InvalidValue: they are not.
    """
    height, width = array.shape[:2]
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise InvalidValue(f"is {width} x {height} px", f"each side from 1 to {MAX_SIDE}")
    return array


def _unit_range(array: Array) -> Array:
    """uint8 as it is, floats as float32 within [0, 1], uint16 divided by 65535."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return array.astype(np.float32) / 65535
    if array.dtype.kind != "f":
        raise InvalidValue(
            f"must be uint8, or float32 in [0, 1], got {array.dtype}", "convert it with .astype(numpy.uint8)"
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also true of NaN
        raise InvalidValue(f"must lie in [0, 1], got values from {low:g} to {high:g}", "divide by 255, or clip it")
    return array.astype(np.float32)
