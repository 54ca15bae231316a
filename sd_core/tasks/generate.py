"""From a request to images: what all generating tasks share around their plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from sd_core.diffusion.conditioning import Conditioning, is_guided, make_conditioning
from sd_core.diffusion.images import to_array
from sd_core.diffusion.latents import decode, latent_scale
from sd_core.diffusion.loop import OnStep, Predict, denoise
from sd_core.diffusion.noise import seeded_generators
from sd_core.diffusion.predict import PredictInputs, make_predict, make_rolled_predict, make_tiled_predict
from sd_core.models import Adapted, Model, with_adapters
from sd_core.requests.generation import Generation
from sd_core.requests.resolved import guidance_of, seed_of, size_of
from sd_core.results import Result

from .memory import decode_within_memory
from .plan import BatchPlan, Context, Picture, TaskEnv
from .progress import Progress
from .resolve import resolve
from .seams import rolling_of, seamless_unet, seamless_vae

R = TypeVar("R", bound=Generation)
Planner = Callable[[R, TaskEnv], BatchPlan]

_BATCH_ON_ACCELERATOR = 4


def generate(planner: Planner[R], request: R, context: Context, *, keep_latents: bool = False) -> Result:
    """Run a request that makes images.

    Args:
        planner: makes the plan of each batch.
        request: what to make.
        context: the engine's caches, and where events go.
        keep_latents: return the final latents besides the images.

    Raises:
        RequestError, ModelNotFound, ModelMismatch, OutOfMemory, Cancelled: see `sd_core.errors`.
    """
    model = context.model(request.model)
    resolved = resolve(request, model)
    # Not inference_mode: torch multiplies by networks that were loaded inside it in another way than diffusers' pipelines do.
    with with_adapters(model, resolved.loras, resolved.image_prompt) as adapters, torch.no_grad():
        pictures, latents = _run_batches(resolved, planner, model, adapters, context)
    return Result(
        images=pictures,
        request=resolved,
        latents=torch.cat(latents).cpu().numpy() if keep_latents else None,
    )


def _run_batches(
    request: Generation, planner: Planner[Any], model: Model, adapters: Adapted, context: Context
) -> tuple[list[Picture], list[Tensor]]:
    """All images of a resolved request: singly on a CPU, where a batch gains nothing, else a few at a time."""
    generators = seeded_generators(seed_of(request), request.num_images)
    size = 1 if model.placement.device.type in ("cpu", "mps") else _BATCH_ON_ACCELERATOR
    progress = Progress(context, context.preview(model), batches=-(-len(generators) // size))
    pictures: list[Picture] = []
    latents: list[Tensor] = []
    for first in range(0, len(generators), size):
        env = TaskEnv(model, context, generators[first : first + size])
        progress.image = first
        made, clean = _run_batch(request, planner, env, adapters, progress)
        pictures += made
        latents.append(clean)
    return pictures, latents


def _run_batch(
    request: Generation, planner: Planner[Any], env: TaskEnv, adapters: Adapted, progress: Progress
) -> tuple[list[Picture], Tensor]:
    model, context = env.model, env.context
    with seamless_vae(request, model):
        with _timing(context, "prepare"):
            plan = planner(request, env)
        with _timing(context, "encode_prompt"):
            conditioning = conditioning_of(request, plan, env, adapters)
        with _timing(context, "denoise"):
            latents = denoise_plan(plan, conditioning, request, env, progress.on_step)
        with _timing(context, "decode"):
            pixels = decode_within_memory(model, latents, plan.vae_tiling, context, lambda t: decode(model, latents, t))
    return [np.ascontiguousarray(plan.finish(to_array(picture))) for picture in pixels], latents


def conditioning_of(request: Generation, plan: BatchPlan, env: TaskEnv, adapters: Adapted) -> Conditioning:
    """What a resolved request gives the network besides its latents: prompts, picture prompt, guidance."""
    scale = guidance_of(request)
    guided = is_guided(env.model, scale)
    embeds = env.context.prompt(env.model, request.prompt, request.negative_prompt, guided=guided)
    image_embeds = adapters.image_embeds(guided=guided)
    return make_conditioning(env.model, embeds, scale, size_of(request), image_embeds, scored=plan.scored)


def denoise_plan(
    plan: BatchPlan, conditioning: Conditioning, request: Generation, env: TaskEnv, on_step: OnStep
) -> Tensor:
    """Clean latents (b, c, lh, lw) of the plan for a request, their edges joined where it says so."""
    predict = _predict(plan, PredictInputs(conditioning, plan.controls, plan.extra_channels), request, env)
    with seamless_unet(request, env.model, plan.controls):
        return denoise(
            predict,
            plan.schedule,
            plan.latents,
            env.generators,
            edits=plan.edits,
            on_step=on_step,
            cancelled=env.context.is_cancelled,
        )


def _predict(plan: BatchPlan, inputs: PredictInputs, request: Generation, env: TaskEnv) -> Predict:
    make = partial(make_predict, env.model)
    if plan.tiling is not None:
        cells = (plan.latents.shape[-2], plan.latents.shape[-1])
        make = partial(make_tiled_predict, env.model, cells=cells, tiling=plan.tiling)
    rolling = rolling_of(request, env)
    return make(inputs) if rolling is None else make_rolled_predict(make, inputs, rolling, latent_scale(env.model))


@contextmanager
def _timing(context: Context, name: str) -> Iterator[None]:
    start = perf_counter()
    try:
        yield
    finally:
        context.timings[name] = context.timings.get(name, 0.0) + perf_counter() - start
