"""Textures: a picture that tiles, and the maps of the material that it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sd_core.diffusion.edits import StartAt
from sd_core.diffusion.images import to_pixels
from sd_core.diffusion.latents import encode, latent_scale
from sd_core.diffusion.schedule import Schedule
from sd_core.diffusion.seamless import wraps_x, wraps_y
from sd_core.events import Loading
from sd_core.models import UNetInput
from sd_core.requests import MapEstimator, Texture, TextureMap
from sd_core.requests.resolved import seed_of, size_of
from sd_core.results import Result
from sd_core.texture import (
    FAILS,
    PASSES,
    Estimator,
    builtin_estimator,
    find_estimator,
    load_estimator,
    make_material,
    wishes_of,
    wrap_score,
)
from sd_core.values import unit_floats

from .controls import controls_of
from .generate import generate
from .plan import BatchPlan, Context, Picture, TaskEnv
from .resolve import demand_unet_input
from .starts import from_noise, from_pixels, noise_of, schedule_of

_SEAM = 1 / 8
"""Share of a side, at either border, that is repainted where the start picture does not tile yet."""


def run(request: Texture, context: Context, *, keep_latents: bool = False) -> Result:
    """See `run_request`."""
    return finish_texture(generate(plan_texture, request, context, keep_latents=keep_latents), context)


def plan_texture(request: Texture, env: TaskEnv) -> BatchPlan:
    """From noise, or from a picture; one that does not tile is repainted along the seam, whatever the strength."""
    demand_unet_input(env.model, UNetInput.TEXT, request)
    if request.estimator is not None and request.estimator not in tuple(MapEstimator):
        find_estimator(request.estimator)  # one that cannot be used is refused before the work
    controls = controls_of(request, env)
    if request.image is None:
        schedule = schedule_of(request, env)
        return BatchPlan(schedule=schedule, latents=from_noise(env, schedule, size_of(request)), controls=controls)
    if wrap_score(request.image[..., :3], request.seamless) <= PASSES:
        schedule = schedule_of(request, env, request.strength)
        latents = from_pixels(env, schedule, to_pixels(request.image))
        return BatchPlan(schedule=schedule, latents=latents, controls=controls, scored=True)
    env.context.decisions["seam"] = "the picture does not tile: the area along the seam was repainted"
    return replace(_with_new_seam(request, request.image, env), controls=controls)


def finish_texture(result: Result, context: Context) -> Result:
    """The result with its maps, and in its report the depth of the height map and every map's wrap score."""
    request = result.request
    assert isinstance(request, Texture), "the planner of textures made it"
    picture, conventions = unit_floats(result.images[0]), (request.seamless, request.normal_convention)
    material = make_material(picture, request.prompt, *conventions, _estimator(request, context), wishes_of(request))
    maps = {name: material.maps[name] for name in request.maps}
    scores = {str(name): round(wrap_score(plane, request.seamless), 4) for name, plane in maps.items()}
    context.decisions["roughness_and_metallic"] = material.reason
    for name, score in scores.items():
        if score > FAILS:
            context.warn(f"the {name} map may show its seam (wrap score {score:.2f}); try another seed")
    report = {"height_scale": round(material.height_scale, 6), "wrap_scores": scores}
    base: Picture = np.rint(material.maps[TextureMap.BASE_COLOR] * 255).astype(np.uint8)
    return replace(result, images=[base], maps={str(name): plane for name, plane in maps.items()}, report=report)


def _estimator(request: Texture, context: Context) -> Estimator | None:
    placement = context.model(request.model).placement
    match request.estimator:
        case MapEstimator.BUILTIN:
            return builtin_estimator(placement.device)
        case None | MapEstimator.RULE:
            return None
        case name:
            context.report(Loading(f"loading {name}"))
            return load_estimator(find_estimator(name), placement, seed_of(request))


def _with_new_seam(request: Texture, image: NDArray[np.generic], env: TaskEnv) -> BatchPlan:
    """Every pixel starts at its own step: the seam from noise, the rest at `strength`."""
    schedule = schedule_of(request, env)
    reference = encode(env.model, to_pixels(image), env.generators)
    noise = noise_of(env, size_of(request))
    start = _start_steps(request, schedule, latent_scale(env.model)).to(env.device)
    edit = StartAt(schedule, start, reference, noise)
    return BatchPlan(schedule=schedule, latents=noise * schedule.init_noise_sigma, edits=(edit,), scored=True)


def _start_steps(request: Texture, schedule: Schedule, scale: int) -> Tensor:
    """(1, 1, lh, lw) steps at which cells start: 0 along the seam, rising to what `strength` leaves."""
    last = round((1 - request.strength) * schedule.end.count)
    rows, columns = (torch.ones(n // scale) for n in size_of(request))
    if wraps_y(request.seamless):
        rows = _away_from_ends(len(rows))
    if wraps_x(request.seamless):
        columns = _away_from_ends(len(columns))
    return (torch.minimum(rows[:, None], columns[None, :]) * last).floor()[None, None]


def _away_from_ends(count: int) -> Tensor:
    """0 in a band at both ends, then rising to 1 over a band of the same width."""
    distance = torch.minimum(torch.arange(count), torch.arange(count - 1, -1, -1)) + 0.5
    return (distance / (count * _SEAM) - 1).clamp(0, 1)
