"""Named styles, "filters", for image to image: a prompt template and a strength."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from ..errors import RequestError
from ..values import replace
from .generation import Generation
from .images import DepthToImage, ImageToImage, Texture

G = TypeVar("G", bound=Generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A look for any subject.

    prompt: holds "{prompt}", where the subject goes.
    negative_prompt: put before the request's own.
    strength: that shows the look and keeps the composition, for requests that start from a picture.
    """

    name: str
    prompt: str
    negative_prompt: str = ""
    strength: float = 0.6


_PHOTO_TERMS = "photograph, 3d render"
_DRAWING_TERMS = "painting, drawing, illustration"

_STYLES = (
    Style(
        name="oil painting",
        prompt="{prompt}, oil painting on canvas, visible impasto brush strokes, rich layered colour",
        negative_prompt=_PHOTO_TERMS,
    ),
    Style(
        name="watercolour",
        prompt="{prompt}, loose watercolour on cold-pressed paper, soft wet edges, pale washes, white paper showing",
        negative_prompt=f"{_PHOTO_TERMS}, hard outlines",
    ),
    Style(
        name="pencil sketch",
        prompt="{prompt}, graphite pencil sketch, fine cross-hatching, white paper, monochrome",
        negative_prompt=f"{_PHOTO_TERMS}, colour",
        strength=0.65,
    ),
    Style(
        name="ink drawing",
        prompt="{prompt}, black ink drawing, confident varied lines, bold solid shadows, white background",
        negative_prompt=f"{_PHOTO_TERMS}, colour, grey wash",
        strength=0.7,
    ),
    Style(
        name="anime",
        prompt="{prompt}, anime key visual, clean line art, cel shading, vivid flat colours, painted background",
        negative_prompt=f"{_PHOTO_TERMS}, rough sketch",
    ),
    Style(
        name="comic book",
        prompt="{prompt}, comic book panel, bold ink outlines, halftone dots, limited bright palette",
        negative_prompt=_PHOTO_TERMS,
    ),
    Style(
        name="pixel art",
        prompt="{prompt}, 16-bit pixel art, crisp square pixels, small palette, simple dithering",
        negative_prompt=f"{_PHOTO_TERMS}, blur, smooth gradients",
        strength=0.7,
    ),
    Style(
        name="low poly",
        prompt="{prompt}, low poly 3d render, flat-shaded triangles, soft studio light, plain background",
        negative_prompt="photograph, fine texture, noise",
        strength=0.65,
    ),
    Style(
        name="clay",
        prompt="{prompt}, handmade clay model, fingerprints in plasticine, stop-motion set, soft warm light",
        negative_prompt="flat, drawing, text",
    ),
    Style(
        name="paper cut-out",
        prompt="{prompt}, layered paper cut-out, crisp cut edges, soft drop shadows, coloured card",
        negative_prompt=f"{_PHOTO_TERMS}, gradients",
        strength=0.7,
    ),
    Style(
        name="stained glass",
        prompt="{prompt}, stained glass window, thick lead lines, glowing translucent colours",
        negative_prompt=_PHOTO_TERMS,
        strength=0.7,
    ),
    Style(
        name="blueprint",
        prompt="{prompt}, technical blueprint, thin white lines on deep blue paper, construction marks",
        negative_prompt=f"{_PHOTO_TERMS}, shading, other colours",
        strength=0.75,
    ),
    Style(
        name="cinematic",
        prompt="{prompt}, cinematic film still, shallow depth of field, low warm light, subtle grain, 35 mm",
        negative_prompt=f"{_DRAWING_TERMS}, flat light",
        strength=0.45,
    ),
    Style(
        name="black and white",
        prompt="{prompt}, black and white photograph, deep contrast, soft film grain, silver gelatin print",
        negative_prompt=f"{_DRAWING_TERMS}, colour, sepia",
        strength=0.45,
    ),
    Style(
        name="winter",
        prompt="{prompt}, in deep winter, fresh snow on every surface, frost, pale cold light",
        negative_prompt="green leaves, summer",
        strength=0.5,
    ),
    Style(
        name="night",
        prompt="{prompt}, at night, moonlight and warm lamps, deep blue shadows, wet reflections",
        negative_prompt="daylight, overexposed",
        strength=0.5,
    ),
)


def styles() -> Mapping[str, Style]:
    """All styles by name, in the order in which they are shown."""
    return MappingProxyType({style.name: style for style in _STYLES})


def apply_style(name: str, request: G) -> G:
    """`request` with the style's prompt around its own; with the style's strength where it starts from a picture.

    Raises:
        RequestError: no such style.

    Examples:
        >>> from sd_core import TextToImage
        >>> request = TextToImage(prompt="a lighthouse")
        >>> "a lighthouse" in apply_style("pencil sketch", request).prompt
        True
    """
    style = styles().get(name)
    if style is None:
        raise RequestError("style", f"there is no style {name!r}", hint=f"use one of {', '.join(styles())}")
    negative = ", ".join(part for part in (style.negative_prompt, request.negative_prompt) if part)
    # Not str.format: the request's own prompt may hold braces.
    prompt = (
        style.prompt.replace("{prompt}", request.prompt) if request.prompt else style.prompt.removeprefix("{prompt}, ")
    )
    styled = replace(request, prompt=prompt, negative_prompt=negative)
    return replace(styled, strength=style.strength) if _starts_from_picture(request) else styled


def _starts_from_picture(request: Generation) -> bool:
    if isinstance(request, (DepthToImage, Texture)):
        return request.image is not None
    return isinstance(request, ImageToImage)
