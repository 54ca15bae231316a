"""Text to image: start from noise."""

from __future__ import annotations

from sd_core.models import UNetInput
from sd_core.requests import TextToImage

from .controls import controls_of
from .plan import Bench, Plan
from .resolve import demand_unet_input, size_of
from .starts import from_noise, schedule_of


def plan_text_to_image(request: TextToImage, bench: Bench) -> Plan:
    """Rombach et al. 2022, arXiv:2112.10752."""
    demand_unet_input(bench.model, UNetInput.TEXT, request)
    schedule = schedule_of(request, bench)
    return Plan(
        schedule=schedule,
        latents=from_noise(bench, schedule, size_of(request)),
        controls=controls_of(request, bench),
    )
