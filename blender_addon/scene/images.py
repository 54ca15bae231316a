# SPDX-License-Identifier: GPL-3.0-or-later
"""NumPy arrays to image datablocks and back. Arrays have the top row first; Blender has the bottom row first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from sd_core.errors import RequestError
from sd_core.values.srgb import encode_srgb

from .png import encode_png

SRGB, DATA = "sRGB", "Non-Color"


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A picture ready for Blender: made on any thread by `encode_image`, imported in little time by `new_image`.

    size: (height, width) px.
    """

    png: bytes
    size: tuple[int, int]


def encode_image(picture: np.ndarray, texts: Mapping[str, str] | None = None) -> EncodedImage:
    """Encode a picture for `new_image`; safe to call from any thread.

    Args:
        picture: (h, w) or (h, w, 3|4), uint8, uint16 or float in [0, 1]; sRGB-encoded unless it is data.
        texts: text chunks of the PNG.
    """
    return EncodedImage(encode_png(picture, texts), (picture.shape[0], picture.shape[1]))


def new_image(name: str, encoded: EncodedImage, colour_space: str = SRGB) -> bpy.types.Image:
    """A new image datablock with the file packed into it; Blender decodes the pixels when it first draws them.

    Saved with the .blend, safe against undo; alpha is straight.
    """
    # The size given here is only that of a placeholder.
    image = bpy.data.images.new(name, 1, 1, alpha=True, is_data=colour_space == DATA)
    fill_image(image, encoded)
    image.colorspace_settings.name = colour_space
    image.alpha_mode = "STRAIGHT"
    return image


def fill_image(image: bpy.types.Image, encoded: EncodedImage) -> None:
    """Put other pixels into an image datablock; its users and settings stay."""
    image.pack(data=encoded.png, data_len=len(encoded.png))
    image.source = "FILE"
    image.buffers_free()  # what was drawn before would be shown for ever
    image.update_tag()


@dataclass(frozen=True, slots=True, eq=False)
class ImagePixels:
    """The pixels of an image datablock as Blender holds them; `rgba` and `to_uint8` may run on any thread.

    flat: float32, bottom row first. size: (height, width) px. linear: a float image that is no data.
    """

    flat: np.ndarray
    size: tuple[int, int]
    channels: int
    linear: bool

    def rgba(self) -> np.ndarray:
        """(h, w, 4) float32 in [0, 1], sRGB-encoded unless the image is data, alpha straight."""
        pixels = _four_channels(self.flat.reshape(*self.size, self.channels)[::-1])
        if self.linear:
            pixels[..., :3] = encode_srgb(_to_straight_alpha(pixels))
        return np.clip(pixels, 0, 1)

    def to_uint8(self) -> np.ndarray:
        """(h, w, 3) uint8, or (h, w, 4) where a pixel is transparent."""
        pixels = np.rint(self.rgba() * 255).astype(np.uint8)
        return pixels if (pixels[..., 3] != 255).any() else np.ascontiguousarray(pixels[..., :3])


def image_size(image: bpy.types.Image) -> tuple[int, int]:
    """(height, width) px; zeros where there are no pixels."""
    width, height = (int(side) for side in image.size)  # pyright: ignore[reportGeneralTypeIssues] - an array of Blender
    return height, width


def read_pixels(image: bpy.types.Image) -> ImagePixels:
    """Copy the pixels of an image: the short part, which must run on the main thread.

    Raises:
        RequestError: the image has no pixels (a missing file, or nothing rendered yet).
    """
    height, width = image_size(image)
    if width == 0 or height == 0:
        raise RequestError("image", f"{image.name} has no pixels", hint="choose another image, or render first")
    flat = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    linear = image.is_float and not image.colorspace_settings.is_data
    return ImagePixels(flat, (height, width), image.channels, linear)


def _four_channels(pixels: np.ndarray) -> np.ndarray:
    height, width, channels = pixels.shape
    if channels == 4:
        return np.array(pixels)
    full = np.ones((height, width, 4), np.float32)
    full[..., :3] = pixels[..., :3] if channels == 3 else pixels[..., :1]
    return full


def _to_straight_alpha(pixels: np.ndarray) -> np.ndarray:
    """Colour without the alpha that Blender multiplies into float images."""
    alpha = pixels[..., 3:]
    return pixels[..., :3] / np.where(alpha > 0, alpha, 1)
