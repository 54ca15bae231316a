"""What the keyframes of an animation say at a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sd_core.requests import Animation, Keyframe
from sd_core.requests.resolved import guidance_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PromptBlend:
    """Two prompts: the share `weight`, in [0, 1], of `end` in `start`."""

    start: str
    end: str
    weight: float


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """What holds for one frame."""

    prompt: PromptBlend
    strength: float
    guidance_scale: float
    controlnet_conditioning_scale: float


def settings_at(request: Animation, frame: int) -> FrameSettings:
    """The settings of a resolved request at `frame`: linear between two keyframes, constant after the last.

    What no keyframe up to here names is that of the request, as if a keyframe before the first frame set it.
    """
    keyframes = sorted(request.keyframes, key=lambda keyframe: keyframe.frame)

    def number(name: str, own: float) -> float:
        before, after, share = _around(keyframes, lambda keyframe: getattr(keyframe, name), own, frame)
        return before + (after - before) * share

    start, end, weight = _around(keyframes, lambda keyframe: keyframe.prompt, request.prompt, frame)
    return FrameSettings(
        prompt=PromptBlend(start, end, weight),
        strength=number("strength", request.strength),
        guidance_scale=number("guidance_scale", guidance_of(request)),
        controlnet_conditioning_scale=number("controlnet_conditioning_scale", request.controlnet_conditioning_scale),
    )


def settings_distance(first: FrameSettings, second: FrameSettings) -> float:
    """How much the settings of two frames differ: 0 for equal settings, 1 for another prompt."""
    prompts = _difference(_shares(first.prompt), _shares(second.prompt))
    numbers = (
        (first.strength - second.strength) / 1.0,
        (first.guidance_scale - second.guidance_scale) / max(first.guidance_scale, second.guidance_scale, 1.0),
        first.controlnet_conditioning_scale - second.controlnet_conditioning_scale,
    )
    return min(1.0, prompts + sum(map(abs, numbers)))


def _around(
    keyframes: Sequence[Keyframe], value: Callable[[Keyframe], T | None], default: T, frame: int
) -> tuple[T, T, float]:
    """The values before and after `frame`, and how far it is from the one to the other, in [0, 1]."""
    named = [(keyframe.frame, own_value) for keyframe in keyframes if (own_value := value(keyframe)) is not None]
    past = [pair for pair in named if pair[0] <= frame]
    future = [pair for pair in named if pair[0] > frame]
    first, before = past[-1] if past else (0, default)
    if not future:
        return before, before, 0.0
    last, after = future[0]
    return before, after, (frame - first) / (last - first)


def _shares(blend: PromptBlend) -> dict[str, float]:
    if blend.start == blend.end:
        return {blend.start: 1.0}
    return {blend.start: 1 - blend.weight, blend.end: blend.weight}


def _difference(first: dict[str, float], second: dict[str, float]) -> float:
    return sum(abs(first.get(text, 0.0) - second.get(text, 0.0)) for text in first.keys() | second.keys()) / 2
