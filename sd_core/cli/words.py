"""Values that are written on the command line in a form of their own: `PATH[:WEIGHT]`, `KIND=IMAGE[:MODEL][:SCALE]`."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from sd_core.errors import RequestError
from sd_core.requests import Control, ImagePrompt, Lora
from sd_core.values import Array


def read_lora(word: str) -> Lora:
    """`PATH[:WEIGHT]`."""
    path, weight = _number_at_end(word)
    return Lora(path) if weight is None else Lora(path, weight)


def read_image_prompt(word: str) -> ImagePrompt:
    """`IMAGE[:SCALE]`."""
    path, scale = _number_at_end(word)
    return ImagePrompt(Path(path)) if scale is None else ImagePrompt(Path(path), scale)


def read_control(word: str) -> Control:
    """`KIND=IMAGE[:MODEL][:SCALE]`."""
    kind, mark, rest = word.partition("=")
    if not mark or not kind or not rest:
        raise RequestError(
            "control", f"must be KIND=IMAGE[:MODEL][:SCALE], got {word!r}", hint="as in depth=depth.png:0.8"
        )
    rest, scale = _number_at_end(rest)
    image, model = _image_and_model(rest)
    return Control(kind, Path(image), model, 1.0 if scale is None else scale)


def read_depth(word: str) -> Path | Array:
    """A file that requests read themselves, or an array of a `.npz` archive: "depth", or its only one."""
    if not word.lower().endswith(".npz"):
        return Path(word)
    try:
        with Path(word).open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            names = archive.files
            name = "depth" if "depth" in names else names[0] if len(names) == 1 else None
            if name is None:
                raise RequestError("depth", f"{word} holds {', '.join(names)}", hint='name one of its arrays "depth"')
            return archive[name]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RequestError("depth", f"{word} cannot be read: {error}", hint="write it with numpy.savez") from error


def _number_at_end(word: str) -> tuple[str, float | None]:
    head, mark, tail = word.rpartition(":")
    try:
        return (head, float(tail)) if mark and head else (word, None)
    except ValueError:
        return word, None


def _image_and_model(word: str) -> tuple[str, str | None]:
    """The whole word where a file has that name: names of files may hold a colon."""
    image, mark, model = word.partition(":")
    if Path(word).exists() or not mark or len(image) == 1:  # "C:" is a drive
        return word, None
    return image, model or None
