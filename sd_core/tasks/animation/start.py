"""Where a frame of an animation starts: from noise, or from the re-noised reference of what was seen before."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sd_core.animation.geometry.frame_geometry import FrameGeometry
from sd_core.animation.policy import POLICY
from sd_core.animation.reuse.denoise_plan import DenoisePlan
from sd_core.animation.reuse.surface_noise import can_anchor
from sd_core.diffusion.edits import PullTowards, StartAt
from sd_core.diffusion.images import to_pixels
from sd_core.diffusion.latents import encode_mean, latent_scale
from sd_core.diffusion.loop import Edit
from sd_core.diffusion.noise import seeded_generators
from sd_core.models import Adapted, Model
from sd_core.requests import Animation, DepthToImage, ImageToImage, NoiseKind
from sd_core.requests.generation import MAX_SEED
from sd_core.requests.resolved import seed_of, steps_of
from sd_core.values import Array

from ..plan import BatchPlan, Context, TaskEnv
from ..starts import schedule_of
from .frame_request import plan_frame


@dataclass(frozen=True, slots=True)
class AnimationRun:
    """What stays the same over all frames: the resolved request, the model and what it is lent."""

    request: Animation
    model: Model
    adapters: Adapted
    context: Context

    @property
    def reuses_pixels(self) -> bool:
        """Whether pixels of one frame go into the next."""
        return self.request.reuse.start or self.request.reuse.pin

    @property
    def margin(self) -> int:
        """px of the extra border that are rendered: latents need multiples of 8, and frames that reuse nothing need none."""
        return self.request.overscan // 4 * 4 if self.reuses_pixels else 0

    @property
    def scale(self) -> int:
        """px to a latent."""
        return latent_scale(self.model)

    def environment(self, index: int) -> TaskEnv:
        """The environment of a frame: the same random numbers for each, unless they are to be independent."""
        seed = seed_of(self.request)
        if self.request.reuse.noise is NoiseKind.INDEPENDENT:
            seed = (seed + index) % (MAX_SEED + 1)
        return TaskEnv(self.model, self.context, seeded_generators(seed, 1))

    def has_surface_noise(self, geometry: FrameGeometry) -> bool:
        """Whether the noise of a frame belongs to its surfaces; the decisions say so where it cannot."""
        if self.request.reuse.noise is not NoiseKind.SURFACE:
            return False
        if not can_anchor(geometry):
            self.context.decisions["noise"] = "the same for every frame: the passes have no positions and no camera"
        return can_anchor(geometry)


def plan_keyframe(
    animation: AnimationRun, noise: Tensor | None, frame_request: DepthToImage | ImageToImage, env: TaskEnv
) -> BatchPlan:
    """A frame that continues nothing: as it would be alone, but for its noise, (1, c, lh, lw), where it has its own."""
    plan = plan_frame(frame_request, env)
    if noise is None:
        return plan
    if frame_request.image is None:
        return replace(plan, latents=noise * plan.schedule.init_noise_sigma)
    clean = encode_mean(animation.model, to_pixels(frame_request.image))
    return replace(plan, latents=plan.schedule.noise_to(clean, noise, plan.schedule.steps[0]))


def plan_reprojected(
    animation: AnimationRun,
    plan: BatchPlan,
    denoising: DenoisePlan,
    frame_request: DepthToImage | ImageToImage,
    clean: Tensor,
    noise: Tensor,
) -> BatchPlan:
    """A reprojected frame: every latent starts from the reference, noised as far as its start step says.

    Args:
        animation: request and model.
        plan: of the frame alone, for its conditioning.
        denoising: by latent.
        frame_request: the frame's own request.
        clean: (1, c, lh, lw), the encoded reference.
        noise: likewise.
    """
    longest = strength_of(denoising, frame_request)
    schedule = schedule_of(frame_request, animation.environment(0), longest)
    keep, strength = _cells(denoising.keep, clean), _cells(denoising.strength, clean)
    count = schedule.end.count
    start = (count * (1 - strength / longest)).round().clamp(0, count - 1)
    base = clean
    if frame_request.image is not None:
        base = torch.where(keep > 0, clean, encode_mean(animation.model, to_pixels(frame_request.image)))
    latents = schedule.noise_to(base, noise, schedule.steps[0])
    if longest == 1:
        latents = torch.where(start == 0, noise * schedule.init_noise_sigma, latents)
    edits: list[Edit] = [StartAt(schedule, start, base, noise)]
    if animation.request.reuse.pin:
        edits.append(PullTowards(clean, keep * POLICY.keep_weight))
    return replace(plan, schedule=schedule, latents=latents, edits=tuple(edits))


def strength_of(denoising: DenoisePlan, frame_request: DepthToImage | ImageToImage) -> float:
    """The share of the steps that a frame runs: as many as some latent needs, and at least one step."""
    return max(denoising.largest_strength, 1 / steps_of(frame_request))


def _cells(values: Array, like: Tensor) -> Tensor:
    """(1, 1, lh, lw) on the device of the latents."""
    return torch.from_numpy(values)[None, None].to(like)
