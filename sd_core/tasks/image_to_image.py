"""Image to image: start from a noised picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sd_core.diffusion.images import to_pixels
from sd_core.models import UNetInput
from sd_core.requests import ImageToImage
from sd_core.results import Result
from sd_core.values import unit_floats

from .controls import controls_of
from .generate import generate
from .plan import BatchPlan, Context, Picture, TaskEnv, no_finish
from .resolve import demand_unet_input
from .starts import from_pixels, schedule_of


def run(request: ImageToImage, context: Context, *, keep_latents: bool = False) -> Result:
    """See `run_request`."""
    return generate(plan_image_to_image, request, context, keep_latents=keep_latents)


def plan_image_to_image(request: ImageToImage, env: TaskEnv) -> BatchPlan:
    """SDEdit, Meng et al. 2022, arXiv:2108.01073."""
    demand_unet_input(env.model, UNetInput.TEXT, request)
    schedule = schedule_of(request, env, request.strength)
    return BatchPlan(
        schedule=schedule,
        latents=from_pixels(env, schedule, to_pixels(request.image)),
        controls=controls_of(request, env),
        scored=True,
        finish=keep_alpha(request.image),
    )


def keep_alpha(image: NDArray[np.generic] | None) -> Callable[[Picture], Picture]:
    """A finish that gives a picture the alpha channel of `image`, if that has one."""
    if image is None or image.ndim < 3 or image.shape[2] != 4:
        return no_finish
    alpha = np.rint(unit_floats(image)[..., 3:] * 255).astype(np.uint8)
    return lambda picture: np.concatenate([picture[..., :3], alpha], axis=2)
