"""Text to image: start from noise."""

from __future__ import annotations

from sd_core.models import UNetInput
from sd_core.requests import TextToImage
from sd_core.requests.resolved import size_of
from sd_core.results import Result

from .controls import controls_of
from .generate import generate
from .plan import BatchPlan, Context, TaskEnv
from .resolve import demand_unet_input
from .starts import from_noise, schedule_of


def run(request: TextToImage, context: Context, *, keep_latents: bool = False) -> Result:
    """See `run_request`."""
    return generate(plan_text_to_image, request, context, keep_latents=keep_latents)


def plan_text_to_image(request: TextToImage, env: TaskEnv) -> BatchPlan:
    """Rombach et al. 2022, arXiv:2112.10752."""
    demand_unet_input(env.model, UNetInput.TEXT, request)
    schedule = schedule_of(request, env)
    return BatchPlan(
        schedule=schedule,
        latents=from_noise(env, schedule, size_of(request)),
        controls=controls_of(request, env),
    )
