"""One frame of an animation as the picture that it would be alone: its request, its conditioning, its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from sd_core.animation.reuse.keyframes import FrameSettings, PromptBlend
from sd_core.diffusion.conditioning import Conditioning, is_guided, make_conditioning
from sd_core.diffusion.latents import decode
from sd_core.diffusion.loop import OnStep
from sd_core.diffusion.text import PromptEmbeds
from sd_core.errors import RequestError
from sd_core.models import Adapted
from sd_core.passes import FramePasses
from sd_core.requests import Animation, Control, DepthToImage, Generation, ImageToImage
from sd_core.requests.inherit import picture_request
from sd_core.requests.resolved import guidance_of

from ..depth_to_image import plan_depth_to_image
from ..generate import denoise_plan
from ..image_to_image import plan_image_to_image
from ..memory import decode_within_memory
from ..plan import BatchPlan, TaskEnv


@dataclass(frozen=True, slots=True)
class FrameInput:
    """A frame with its inputs: `passes` of the size that is generated, extra border included."""

    index: int
    passes: FramePasses
    settings: FrameSettings

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in px."""
        assert self.passes.size is not None, "checked frames have passes"
        return self.passes.size


def frame_request(request: Animation, frame: FrameInput, margin: int) -> DepthToImage | ImageToImage:
    """The request that gives this frame alone.

    Args:
        request: of the animation, resolved.
        frame: which one.
        margin: px of extra border that `frame` has on every side.

    Raises:
        RequestError: the frame has no depth, or no image where one is needed; names it.
    """
    passes, settings = frame.passes, frame.settings
    own: dict[str, Any] = {
        "guidance_scale": settings.guidance_scale,
        "controls": _extend_controls(request.controls, margin),
        "height": frame.size[0],
        "width": frame.size[1],
    }
    if settings.strength < 1:
        if passes.image is None:
            hint = "render the Combined pass, or set strength to 1"
            raise RequestError("passes", f"frame {frame.index}: has no image for a strength below 1", hint=hint)
        own |= {"image": passes.image, "strength": settings.strength}
    if passes.depth is None:
        if settings.strength == 1:
            hint = "render the Z pass, name a depth_estimator, or set strength below 1 to start from the pictures"
            raise RequestError("passes", f"frame {frame.index}: has no depth", hint=hint)
        return picture_request(request, ImageToImage, **own)
    scale = settings.controlnet_conditioning_scale
    return picture_request(request, DepthToImage, **own, depth=passes.depth, controlnet_conditioning_scale=scale)


def plan_frame(frame_request: DepthToImage | ImageToImage, env: TaskEnv) -> BatchPlan:
    """The plan of a frame alone."""
    return (
        plan_depth_to_image(frame_request, env)
        if isinstance(frame_request, DepthToImage)
        else plan_image_to_image(frame_request, env)
    )


def condition_frame(
    frame_request: Generation,
    plan: BatchPlan,
    blend: PromptBlend,
    env: TaskEnv,
    adapters: Adapted,
    size: tuple[int, int],
) -> Conditioning:
    """The conditioning of a frame, its prompt blended from two. `size`: (height, width) of what is painted, px."""
    scale = guidance_of(frame_request)
    guided = is_guided(env.model, scale)
    embeds = env.context.prompt(env.model, blend.start, frame_request.negative_prompt, guided=guided)
    if blend.weight > 0 and blend.end != blend.start:
        other = env.context.prompt(env.model, blend.end, frame_request.negative_prompt, guided=guided)
        embeds = blend_prompts(embeds, other, blend.weight)
    return make_conditioning(env.model, embeds, scale, size, adapters.image_embeds(guided=guided), scored=plan.scored)


def blend_prompts(first: PromptEmbeds, second: PromptEmbeds, weight: float) -> PromptEmbeds:
    """Embeddings between two prompts; the shorter one is repeated to the length of the longer."""

    def mix(a: Tensor | None, b: Tensor | None) -> Tensor | None:
        if a is None or b is None:
            return a
        if a.ndim == 3 and a.shape[1] != b.shape[1]:
            length = max(a.shape[1], b.shape[1])
            a, b = (x.repeat(1, -(-length // x.shape[1]), 1)[:, :length] for x in (a, b))
        return a + (b - a) * weight

    prompt = mix(first.prompt, second.prompt)
    assert prompt is not None, "both prompts are encoded"
    return PromptEmbeds(
        prompt, mix(first.negative, second.negative), mix(first.pooled, second.pooled),
        mix(first.negative_pooled, second.negative_pooled),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DenoisedFrame:
    """How far a plan came: clean `latents` (1, c, lh, lw), and how often the UNet ran for them."""

    latents: Tensor
    evaluations: int


def run_plan(
    plan: BatchPlan, conditioning: Conditioning, request: Generation, env: TaskEnv, on_step: OnStep
) -> DenoisedFrame:
    """Denoise a plan."""
    latents = denoise_plan(plan, conditioning, request, env, on_step)
    return DenoisedFrame(latents, len(plan.schedule.steps) * conditioning.passes)


def decode_frame(latents: Tensor, env: TaskEnv) -> Tensor:
    """Pixels (1, 3, h, w) float32, about [-1, 1]."""
    model = env.model
    return decode_within_memory(model, latents, None, env.context, lambda tiling: decode(model, latents, tiling))


def _extend_controls(controls: Sequence[Control], margin: int) -> tuple[Control, ...]:
    """Control pictures are of the result's size; their border pixels are repeated into the extra border."""
    if margin == 0:
        return tuple(controls)
    border = ((margin, margin), (margin, margin), (0, 0))
    return tuple(control.replace(image=np.pad(control.image, border, mode="edge")) for control in controls)
