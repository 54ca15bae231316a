"""Renders the prepared frames of an animation: from noise, or from the reprojected history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sd_core.animation.media.frame_store import FrameStore
from sd_core.animation.repair.disocclusion_fill import fill_disocclusions
from sd_core.animation.repair.metrics import sharpness, warp_error
from sd_core.animation.repair.vae_compensation import compensate_round_trip
from sd_core.animation.reuse.source_map import ghost_mask, halo_mask, sample_sources
from sd_core.animation.states import State
from sd_core.diffusion.attention import AttentionBank, shared_attention
from sd_core.diffusion.images import to_pixels
from sd_core.diffusion.latents import encode_mean
from sd_core.diffusion.loop import OnStep
from sd_core.requests import DepthToImage, ImageToImage
from sd_core.values import Array

from ..plan import BatchPlan, TaskEnv
from ..starts import noise_of
from .frame_request import DenoisedFrame, FrameInput, condition_frame, decode_frame, frame_request, plan_frame, run_plan
from .prepare import PreparedFrame
from .reference_attention import References
from .start import AnimationRun, plan_keyframe, plan_reprojected, strength_of


@dataclass(frozen=True, slots=True)
class RenderedFrame:
    """A frame: `image` (h, w, 3) float32 in [0, 1], extra border included; `state` for the next one; `stored_image` for the disk.

    needed_frames: frames whose stored images are still needed.
    """

    image: Array
    figures: dict[str, float]
    state: State
    stored_image: Array
    needed_frames: set[int]


class FrameRenderer:
    """Paints the frames of one animation in order. before: the image of the frame before the first, in a resumed run."""

    def __init__(self, animation: AnimationRun, store: FrameStore, before: Array | None) -> None:
        self._animation = animation
        self._store = store
        self._before = before
        self._references = References(animation, store.image)

    def render(self, prepared: PreparedFrame, on_step: OnStep) -> RenderedFrame:
        """The next frame.

        Raises:
            RequestError: a pass is missing; names the frame.
        """
        index = prepared.frame.index
        request = frame_request(self._animation.request, prepared.frame, self._animation.margin)
        env = self._animation.environment(index)
        paint = (
            self._render_keyframe
            if prepared.correspondence is None or not self._animation.reuses_pixels
            else self._reproject_and_denoise
        )
        image, run = paint(prepared, request, env, on_step)
        # What later frames sample is what a resumed run reads from the disk: rounded.
        stored, figures = image.astype(np.float16), self._figures(prepared, image, run)
        self._before = stored
        return RenderedFrame(
            image, figures, prepared.next_state.arrays(), stored, prepared.next_state.needed_frames | {index}
        )

    def _render_keyframe(
        self, prepared: PreparedFrame, frame_request: DepthToImage | ImageToImage, env: TaskEnv, on_step: OnStep
    ) -> tuple[Array, DenoisedFrame]:
        noise = None if prepared.noise is None else self._noise(prepared)
        plan = plan_keyframe(self._animation, noise, frame_request, env)
        run = self._run(plan, prepared.frame, frame_request, env, on_step)
        return unit_image(decode_frame(run.latents, env)), run

    def _reproject_and_denoise(
        self, prepared: PreparedFrame, request: DepthToImage | ImageToImage, env: TaskEnv, on_step: OnStep
    ) -> tuple[Array, DenoisedFrame]:
        """From the reference, in which every surface is sampled once from the frame in which it was made."""
        animation = self._animation
        sources, objects = prepared.sources, prepared.geometry.objects
        known = sources.has_source & ~ghost_mask(sources, prepared.geometry)
        reference = fill_disocclusions(
            sample_sources(sources, self._store.image), known, halo_mask(sources, animation.scale), objects
        )
        clean = encode_mean(animation.model, to_pixels(reference))
        plan = plan_reprojected(
            animation, plan_frame(request, env), prepared.plan, request, clean, self._noise(prepared)
        )
        with self._reference_attention(prepared, request) as evaluations:
            run = self._run(plan, prepared.frame, request, env, on_step)
        run = replace(run, evaluations=run.evaluations + evaluations)
        image = unit_image(decode_frame(run.latents, env))
        reuse = animation.request.reuse
        if reuse.servo or reuse.colour:
            again = unit_image(decode_frame(clean, env))
            # what is made again in this frame is no measure of its colours
            kept_sources = replace(sources, confirmed=sources.confirmed & ~prepared.plan.regenerated)
            renewed = prepared.plan.renewed
            image = compensate_round_trip(
                image, reference, again, kept_sources, reuse, renewed=renewed, objects=objects, scale=animation.scale
            )
        return image, run

    def _noise(self, prepared: PreparedFrame) -> Tensor:
        """(1, c, lh, lw) unit noise: that of the surfaces, else drawn."""
        env = self._animation.environment(prepared.frame.index)
        if prepared.noise is None:
            return noise_of(env, prepared.frame.size)
        return torch.from_numpy(prepared.noise)[None].to(env.device)

    @contextmanager
    def _reference_attention(
        self, prepared: PreparedFrame, frame_request: DepthToImage | ImageToImage
    ) -> Iterator[int]:
        """The first frame of the shot in the attention, where something new is made; gives the evaluations that it took."""
        if prepared.anchor is None:
            yield 0
            return
        known = self._references.evaluations
        seen = self._references.of(prepared.anchor, strength_of(prepared.plan, frame_request))
        with shared_attention(self._animation.model.unet, AttentionBank(references=(seen,))):
            yield self._references.evaluations - known

    def _run(
        self,
        plan: BatchPlan,
        frame: FrameInput,
        frame_request: DepthToImage | ImageToImage,
        env: TaskEnv,
        on_step: OnStep,
    ) -> DenoisedFrame:
        conditioning = condition_frame(
            frame_request, plan, frame.settings.prompt, env, self._animation.adapters, frame.size
        )
        return run_plan(plan, conditioning, frame_request, env, on_step)

    def _figures(self, prepared: PreparedFrame, image: Array, run: DenoisedFrame) -> dict[str, float]:
        inner = slice(self._animation.margin, -self._animation.margin or None)
        seen = prepared.sources.has_source & ~prepared.plan.regenerated
        figures = {
            "reused": float(seen[inner, inner].mean()),
            "evaluations": float(run.evaluations),
            "sharpness": sharpness(image[inner, inner]),
            "cut": float(prepared.cut),
        }
        if prepared.correspondence is not None and self._before is not None:
            offsets, matched = (
                prepared.correspondence.offsets[inner, inner],
                prepared.correspondence.visible[inner, inner],
            )
            before = self._before[inner, inner].astype(np.float32)
            error = warp_error(image[inner, inner], before, offsets, matched)
            figures |= {} if error is None else {"warp_error": error}
        return figures


def unit_image(pixels: Tensor) -> Array:
    """(h, w, 3) float32 in [0, 1] of decoded pixels (1, 3, h, w)."""
    return (pixels[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
