"""How long a set of objects takes to paint: from a short run of the network that will paint it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from sd_core.mesh.gather import look_up
from sd_core.mesh.rays import Rays
from sd_core.mesh.render import render
from sd_core.requests import DepthToImage, MeshTexture, SurfaceKind, Texture
from sd_core.requests.inherit import picture_request
from sd_core.requests.resolved import size_of, steps_of

from .depth_to_image import plan_depth_to_image
from .generate import generate
from .object_context import TrialContext
from .object_planning import PlannedObject
from .plan import Context
from .texture import plan_texture

_TRIAL_STEPS = 4
"""The first step is slower, since memory is laid out in it; the median of the others is what a step takes."""

_ENCODER = 0.6
"""What encoding takes against decoding, by the numbers of operations of SD's autoencoder (1.1 against 2.5 TFLOP at 512 px
with attention), rounded up."""


_PASSES = 2.0
"""What all work on the surface takes against one look at it: the texels are looked up, and what is there is shown to the next
view; at the end of an object come its maps. Measured: 1.8 to 2.2 for four objects at 512 px."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Seconds of one step, and of all else about a picture."""

    step: float
    rest: float
    steps: int

    @property
    def picture(self) -> float:
        return self.step * self.steps + self.rest


def estimate_pictures(request: MeshTexture, planned: Sequence[PlannedObject], context: Context) -> list[list[float]]:
    """Seconds for each picture of each object, most likely.

    A few steps are run for one view and for one tile of each size, which takes a little itself.
    """
    viewed = next((each for each in planned if each.cameras), None)
    view = _time_view(request, viewed, context) if viewed is not None else 0.0
    sizes = {each.job.texture_size: each for each in planned if each.job.surface is SurfaceKind.TILE}
    tiles = {size: _time_tile(request, each, context) for size, each in sizes.items()}
    return [_seconds(each, view, tiles) for each in planned]


def _seconds(planned: PlannedObject, view: float, tiles: dict[int, float]) -> list[float]:
    if planned.job.surface is SurfaceKind.TILE:
        return [tiles[planned.job.texture_size]]
    return [view] * len(planned.cameras)


def _time_view(request: MeshTexture, planned: PlannedObject, context: Context) -> float:
    """A view: rendered, continued from what is there, painted, and looked up by the texels."""
    assert planned.surface is not None, "an object with cameras"
    prepared, rays = planned.prepared(), Rays(planned.surface)
    began = perf_counter()
    seen = render(planned.surface, rays, planned.cameras[0], size_of(request))
    look_up(np.zeros((*seen.size, 3), np.float32), seen, planned.surface, prepared.texels, rays)
    on_surface = _PASSES * (perf_counter() - began)
    one = planned.job.request(request)
    steps = min(_TRIAL_STEPS, steps_of(request))
    trial = picture_request(one, DepthToImage, depth=seen.depth, num_inference_steps=steps)
    cost = _cost(lambda shown: generate(plan_depth_to_image, trial, shown), context, steps, steps_of(request))
    return cost.picture + on_surface


def _time_tile(request: MeshTexture, planned: PlannedObject, context: Context) -> float:
    steps = min(_TRIAL_STEPS, steps_of(request))
    trial: Texture = planned.job.tile_request(request).replace(num_inference_steps=steps)
    return _cost(lambda shown: generate(plan_texture, trial, shown), context, steps, steps_of(request)).picture


def _cost(run: Callable[[Context], object], context: Context, trial_steps: int, steps: int) -> _Cost:
    trial = TrialContext(context)
    run(trial)
    between = [after - before for before, after in zip(trial.moments[:-1], trial.moments[1:], strict=True)]
    step = median(between) if between else trial.timings["denoise"]
    decoding = trial.timings["decode"]
    # A scheduler may take two evaluations to a step.
    return _Cost(step, decoding * (1 + _ENCODER), round(steps * max(trial.steps, 1) / trial_steps))
