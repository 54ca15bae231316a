# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished images: encoded and kept in the job's thread, then shown as image datablocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from sd_core.events import FrameEvent, ResultEvent
from sd_core.metadata import PARAMETERS, REQUEST, parameters_text
from sd_core.requests import Generation, Request
from sd_core.saving import image_request

from . import history
from .editors import ImageEditorRef, show
from .scene.images import EncodedImage, encode_image, new_image

MAX_NAME_LENGTH = 48
"""Longest name of an image that is made from a prompt; Blender allows 63 bytes, and adds numbers."""


@dataclass(frozen=True, slots=True)
class FinishedImage:
    """An image ready for Blender. request: what makes this one alone."""

    name: str
    encoded: EncodedImage
    request: Request


def image_encoder(
    folder: Path, crop: Callable[[np.ndarray], np.ndarray] = lambda picture: picture
) -> Callable[[FrameEvent | ResultEvent], list[FinishedImage]]:
    """For `jobs.submit(convert=...)`: encodes the images of a result and keeps them in the history.

    Args:
        folder: of the history.
        crop: what is left of each image.
    """

    def convert(event: FrameEvent | ResultEvent) -> list[FinishedImage]:
        if isinstance(event, FrameEvent):
            return []
        result = event.result
        finished = [_encode_result(crop(image), result.request, index) for index, image in enumerate(result.images)]
        history.save_images(folder, [(item.encoded.png, item.request) for item in finished])
        return finished

    return convert


def _encode_result(picture: np.ndarray, request: Request, index: int) -> FinishedImage:
    own = image_request(request, index)
    texts = {PARAMETERS: parameters_text(own), REQUEST: own.to_json()}
    return FinishedImage(image_name(own), encode_image(np.ascontiguousarray(picture), texts), own)


def image_name(request: Request) -> str:
    """A name for people: the prompt and the seed."""
    prompt = request.prompt if isinstance(request, Generation) else ""
    words = " ".join(prompt.split())[:MAX_NAME_LENGTH].strip() or type(request).__name__
    seed = getattr(request, "seed", None)
    while len(words.encode()) > MAX_NAME_LENGTH:
        words = words[:-1]
    return words if seed is None else f"{words} {seed}"


def show_images(finished_images: Sequence[FinishedImage], editor: ImageEditorRef) -> list[bpy.types.Image]:
    """Make image datablocks and open the first in the Image Editor of `editor`, else in one that is there."""
    images = []
    for item in finished_images:
        image = new_image(item.name, item.encoded)
        image[REQUEST] = item.request.to_json()
        images.append(image)
    if images:
        show(images[0], editor)
    return images
