"""Depth to image: a depth ControlNet or T2I-Adapter, or the fifth channel of an SD2-depth UNet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sd_core.diffusion.images import to_mask, to_pixels
from sd_core.diffusion.latents import latent_scale
from sd_core.models import UNetInput
from sd_core.passes import depth_control
from sd_core.requests import DepthToImage
from sd_core.requests.resolved import size_of
from sd_core.results import Result

from .controls import controls_of, depth_control_of
from .generate import generate
from .image_to_image import keep_alpha
from .plan import BatchPlan, Context, TaskEnv
from .resolve import demand_unet_input
from .starts import from_noise, from_pixels, schedule_of


def run(request: DepthToImage, context: Context, *, keep_latents: bool = False) -> Result:
    """See `run_request`."""
    return generate(plan_depth_to_image, request, context, keep_latents=keep_latents)


def plan_depth_to_image(request: DepthToImage, env: TaskEnv) -> BatchPlan:
    """Condition on planar depth, from noise or, where an image is given, from that."""
    schedule = schedule_of(request, env, request.strength)
    control = depth_control(request.depth, request.depth_range)
    reads_depth = env.model.unet_input is UNetInput.DEPTH
    if not reads_depth:
        demand_unet_input(env.model, UNetInput.TEXT, request)
    if request.image is None:
        latents = from_noise(env, schedule, size_of(request))
    else:
        latents = from_pixels(env, schedule, to_pixels(request.image))
    return BatchPlan(
        schedule=schedule,
        latents=latents,
        controls=controls_of(request, env) + (() if reads_depth else (depth_control_of(request, control, env),)),
        extra_channels=_depth_channel(control, env) if reads_depth else None,
        scored=request.image is not None,
        finish=keep_alpha(request.image),
    )


def _depth_channel(control: NDArray[np.float32], env: TaskEnv) -> Tensor:
    """The control picture at latent size, in [-1, 1]; resized as diffusers' depth pipeline does."""
    scale = latent_scale(env.model)
    size = (control.shape[0] // scale, control.shape[1] // scale)
    small = functional.interpolate(to_mask(control).to(env.device), size=size, mode="bicubic", align_corners=False)
    return small.clamp(0, 1) * 2 - 1
