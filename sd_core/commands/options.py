"""The fields of requests as command-line options: one place that turns a field into an option and back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

import numpy as np
import typer

from sd_core.requests import Request, styles

from .text_forms import (
    read_control,
    read_depth,
    read_image_prompt,
    read_keyframe,
    read_lora,
    read_pass_name,
    read_reuse,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A field that is written on the command line in words of its own.

    name: of the option. many: it may be given several times. read: makes the field's value of one word.
    """

    name: str
    metavar: str
    many: bool = False
    read: Callable[[str], Any]


WORDS: Mapping[str, Words] = {
    "loras": Words(name="--lora", metavar="PATH[:WEIGHT]", many=True, read=read_lora),
    "controls": Words(name="--control", metavar="KIND=IMAGE[:MODEL][:SCALE]", many=True, read=read_control),
    "image_prompt": Words(name="--image-prompt", metavar="IMAGE[:SCALE]", read=read_image_prompt),
    "depth": Words(name="--depth", metavar="FILE", read=read_depth),
    "maps": Words(name="--map", metavar="MAP", many=True, read=str),
    "passes": Words(name="--passes", metavar="PATTERN|VIDEO", read=str),
    "pass_names": Words(name="--pass-name", metavar="KIND=NAME", many=True, read=read_pass_name),
    "keyframes": Words(name="--keyframe", metavar="FRAME:PROMPT[;NAME=VALUE]", many=True, read=read_keyframe),
    "reuse": Words(name="--reuse", metavar="off|NAME=VALUE[,...]", read=read_reuse),
}

HELP: Mapping[str, str] = {
    "prompt": "What to make; emphasis as (word:1.3).",
    "negative_prompt": "What to keep out.",
    "width": "px, a multiple of 8.",
    "height": "px, a multiple of 8.",
    "num_inference_steps": "Denoising steps.",
    "guidance_scale": "Weight of the prompt; 1 or less is unguided.",
    "scheduler": "Such as ddim, euler, dpmpp_2m_karras.",
    "seed": "The same seed gives the same image.",
    "num_images": "How many, with seeds counted up.",
    "model": "builtin, a name of `sd-core models list`, a hub id, a folder or a .safetensors file.",
    "loras": "LoRA weights; may be given several times.",
    "controls": "A ControlNet or T2I-Adapter with its finished control picture; may be given several times.",
    "image_prompt": "A picture that guides content and style (IP-Adapter).",
    "seamless": "Axes along which the image tiles.",
    "seamless_method": "padding tiles exactly; rolling nearly, and at any size.",
    "image": "Picture to start from.",
    "strength": "How much may change, above 0 up to 1.",
    "depth": "Planar depth in scene units (.exr, .npy, .npz), or a grey picture, near = white.",
    "depth_range": "Near and far in scene units.",
    "controlnet": "Depth ControlNet or T2I-Adapter: hub id or folder.",
    "controlnet_conditioning_scale": "Weight of the depth.",
    "mask": "Picture, white where to repaint.",
    "fill": "What lies under the mask at the start; `surroundings` with an empty prompt removes an object.",
    "feather": "px over which old and new are blended.",
    "expand": "px to add at left, top, right and bottom.",
    "scale": "How many times larger, 1 to 8.",
    "exposure": "Stops, -10 to 10.",
    "contrast": "Factor; 1 changes nothing.",
    "saturation": "Factor; 1 changes nothing.",
    "hue": "Degrees, -180 to 180.",
    "temperature": "-1 (cooler) to 1 (warmer).",
    "match": "Picture whose colours are taken over.",
    "maps": "A map to make: base_color, normal, height ...; may be given several times, else all are made.",
    "normal_convention": "Direction of green in the normal map that the result holds; files are written of both.",
    "estimator": "Marigold checkpoint for the maps: folder or hub id.",
    "mesh": "A glTF, OBJ, PLY or STL file.",
    "max_views": "Views at most.",
    "texture_size": "Side of the texture, px.",
    "passes": "Rendered frames such as render/####.exr, numbered pictures, or a video.",
    "pass_names": "Another renderer's name of a pass, such as depth=zdepth; may be given several times.",
    "depth_estimator": "Depth checkpoint for frames without depth, as of a video: hub id or folder.",
    "keyframes": "What holds from a frame on, blended up to the next; may be given several times.",
    "reuse": "What is carried from frame to frame, such as noise=fixed,pin=no; off: every frame alone.",
    "overscan": "px by which the passes are larger on every side.",
}

_POSITIONAL = ("mesh", "prompt")
"""Fields that are arguments, in this order; all others are options."""

_NO_OPTION = frozenset({"views"})
"""Fields that nobody types."""

DEFAULTS: Mapping[str, str] = {
    **dict.fromkeys(("width", "height", "num_inference_steps", "guidance_scale", "scheduler"), "the model's"),
    "seed": "drawn, and told",
    "model": "builtin",
    "depth_range": "what the depth holds",
    "controlnet": "the one that suits the model",
    "estimator": "none: by rule",
    "depth_estimator": "none",
}
"""What None stands for, where that is worth telling."""


def parameters(kind: type[Request]) -> Iterator[inspect.Parameter]:
    """A parameter for each field of a request, annotated for typer; prompt and mesh are positional."""
    hints = get_type_hints(kind)
    named = {field.name: field for field in fields(kind) if field.name not in _NO_OPTION}
    yield from (_argument(named.pop(name)) for name in _POSITIONAL if name in named)
    yield from (_parameter(field, hints[field.name]) for field in named.values())


def build(kind: type[Request], given: Mapping[str, Any]) -> Request:
    """The request of what was given; what was left out keeps its default.

    Values may be words as on a command line, or, from a notebook, the objects themselves.

    Raises:
        RequestError: a wrong value.
    """
    values = {field.name: given[field.name] for field in fields(kind) if _is_given(given.get(field.name))}
    return kind(**{name: _read(name, held) for name, held in values.items()})


def keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """A parameter that typer makes an option or an argument of, as its annotation says."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def style_option() -> inspect.Parameter:
    """`--style`, which wraps the prompt."""
    look = Annotated[str | None, typer.Option(help=f"A look: {', '.join(styles())}.", show_default=False)]
    return keyword("style", look, None)


def context() -> inspect.Parameter:
    """The parameter in which typer gives a command its context."""
    return keyword("ctx", typer.Context, inspect.Parameter.empty)


def take(command: Callable[..., object], wanted: Iterable[inspect.Parameter]) -> None:
    """Tell typer which parameters a function takes that is written with `**`."""
    found = list(wanted)
    command.__signature__ = inspect.Signature(found)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in found}


def _argument(field: Field[Any]) -> inspect.Parameter:
    return keyword(field.name, Annotated[str, typer.Argument(help=HELP[field.name])], inspect.Parameter.empty)


def _parameter(field: Field[Any], hint: Any) -> inspect.Parameter:
    words = WORDS.get(field.name)
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    if words is None:
        shown = DEFAULTS.get(field.name, default is not None and default != (0, 0, 0, 0))
        option = typer.Option(help=HELP[field.name], show_default=shown)
        return keyword(field.name, Annotated[_plain(hint), option], default)
    option = typer.Option(words.name, metavar=words.metavar, help=HELP[field.name], show_default=False)
    annotation = list[str] | None if words.many else str if default is inspect.Parameter.empty else str | None
    return keyword(field.name, Annotated[annotation, option], default if default is inspect.Parameter.empty else None)


def _plain(hint: Any) -> Any:
    """The type that typer reads for the type of a field."""
    optional = NoneType in get_args(hint)
    inner = next(kind for kind in get_args(hint) if kind is not NoneType) if optional else hint
    plain = Path if inner is np.ndarray else inner
    return plain | None if optional else plain


def _is_given(held: Any) -> bool:
    return held is not None and not (isinstance(held, list) and not held)


def _read(name: str, held: Any) -> Any:
    words = WORDS.get(name)
    if words is None:
        return str(held) if isinstance(held, StrEnum) else held
    return tuple(_read_word(words, word) for word in held) if words.many else _read_word(words, held)


def _read_word(words: Words, held: Any) -> Any:
    return words.read(held) if isinstance(held, str) else held
