"""Values that are written on the command line in a form of their own: `PATH[:WEIGHT]`, `FRAME:PROMPT[;MAX_NAME_LENGTH=VALUE]`."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from sd_core.errors import RequestError
from sd_core.passes import as_depth
from sd_core.requests import Control, ImagePrompt, Keyframe, Lora, PassKind, PassName, Reuse
from sd_core.values import Array, FieldSpec, Role, Value, field_specs

_SETTINGS = tuple(name for name, spec in field_specs(Keyframe).items() if spec.role is Role.NUMBER and spec.optional)
"""Numbers of a keyframe."""

_SWITCHES = tuple(name for name, spec in field_specs(Reuse).items() if spec.role is Role.SWITCH)
_SWITCH = {"yes": True, "no": False}


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


def read_keyframe(word: str) -> Keyframe:
    """`FRAME:PROMPT`, `FRAME:MAX_NAME_LENGTH=VALUE`, or both: `24:green marble;strength=0.6`."""
    frame, mark, rest = word.partition(":")
    pieces = [piece.strip() for piece in rest.split(";")]
    settings = dict(pair for piece in pieces if (pair := _setting(piece)) is not None)
    prompt = ";".join(piece for piece in pieces if _setting(piece) is None).strip()
    if not mark or not frame.strip().isdigit() or not (prompt or settings):
        raise RequestError(
            "keyframe",
            f"must be FRAME:PROMPT[;NAME=VALUE], got {word!r}",
            hint=f'as in "24:green marble;strength=0.6"; names are {", ".join(_SETTINGS)}',
        )
    return Keyframe(int(frame), prompt or None, **settings)


def read_reuse(word: str) -> Reuse:
    """`off`, or `MAX_NAME_LENGTH=VALUE[,MAX_NAME_LENGTH=VALUE]` such as `noise=fixed,pin=no`."""
    if word.strip() == "off":
        return Reuse.off()
    given: dict[str, Any] = {}
    for pair in word.split(","):
        name, _, text = (piece.strip() for piece in pair.partition("="))
        known = _SWITCH.get(text) if name in _SWITCHES else text if name == "noise" else None
        if known is None:
            hint = f"as in noise=fixed,pin=no; names are noise, {', '.join(_SWITCHES)}"
            raise RequestError("reuse", f"must be off, or NAME=VALUE[,NAME=VALUE], got {word!r}", hint=hint)
        given[name] = known
    return Reuse(**given)


def read_pass_name(word: str) -> PassName:
    """`KIND=MAX_NAME_LENGTH`."""
    kind, _, name = word.partition("=")
    if kind not in tuple(PassKind) or not name.strip():
        hint = f"as in depth=zdepth; kinds are {', '.join(PassKind)}"
        raise RequestError("pass-name", f"must be KIND=NAME, got {word!r}", hint=hint)
    return PassName(kind, name)


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


def _setting(piece: str) -> tuple[str, float] | None:
    name, _, number = (part.strip() for part in piece.partition("="))
    if name not in _SETTINGS:
        return None
    try:
        return name, float(number)
    except ValueError as error:
        raise RequestError("keyframe", f"{name} must be a number, got {number!r}", hint=f"as in {name}=0.6") from error


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


@dataclass(frozen=True, slots=True)
class TextForm:
    """How a value is written in one word.

    Attributes:
        metavar: the form, for `--help`.
        read: makes the value of a word.
    """

    metavar: str
    read: Callable[[str], Any]


_FORMS: Mapping[type[Value], TextForm] = MappingProxyType(
    {
        Lora: TextForm("PATH[:WEIGHT]", read_lora),
        Control: TextForm("KIND=IMAGE[:MODEL][:SCALE]", read_control),
        ImagePrompt: TextForm("IMAGE[:SCALE]", read_image_prompt),
        PassName: TextForm("KIND=NAME", read_pass_name),
        Keyframe: TextForm("FRAME:PROMPT[;NAME=VALUE]", read_keyframe),
        Reuse: TextForm("off|NAME=VALUE[,...]", read_reuse),
    }
)


def form_of(spec: FieldSpec) -> TextForm | None:
    """The form of a field, or of each item of one, that typer cannot read by itself; None: it can."""
    if spec.part is not None:
        return _FORMS.get(spec.part)
    if spec.item is as_depth:
        return TextForm("FILE", read_depth)
    if spec.many or spec.role is Role.FILE:
        return TextForm(spec.name.removesuffix("s").upper(), str)
    return None
