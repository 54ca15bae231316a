"""Ways to start a run: from noise, and from a picture."""

from __future__ import annotations

from torch import Tensor

from sd_core.diffusion.latents import encode, latent_channels, latent_scale
from sd_core.diffusion.noise import draw_noise
from sd_core.diffusion.schedule import Schedule, make_schedule
from sd_core.diffusion.tiles import Tiling
from sd_core.requests import Generation

from .plan import TaskEnv


def schedule_of(request: Generation, env: TaskEnv, strength: float = 1.0) -> Schedule:
    """The schedule of a resolved request."""
    assert request.num_inference_steps is not None, "a resolved request names its steps"
    scheduler = env.model.scheduler
    return make_schedule(scheduler, request.scheduler, request.num_inference_steps, strength, env.device)


def noise_of(env: TaskEnv, size: tuple[int, int]) -> Tensor:
    """Unit noise (b, c, lh, lw) for a picture of `size` (height, width) pixels."""
    scale = latent_scale(env.model)
    shape = (latent_channels(env.model), size[0] // scale, size[1] // scale)
    return draw_noise(shape, env.generators, env.device)


def from_noise(env: TaskEnv, schedule: Schedule, size: tuple[int, int]) -> Tensor:
    """Latents of a run from pure noise."""
    return noise_of(env, size) * schedule.init_noise_sigma


def from_pixels(env: TaskEnv, schedule: Schedule, pixels: Tensor, tiling: Tiling | None = None) -> Tensor:
    """Latents of a run from a picture (1, 3, h, w) in [-1, 1]: encoded, then noised to the schedule's first level."""
    latents = encode(env.model, pixels, env.generators, tiling)
    noise = noise_of(env, (pixels.shape[-2], pixels.shape[-1]))
    return schedule.noise_to(latents, noise, schedule.steps[0])
