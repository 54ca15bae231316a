"""The frames of an animation, painted in order: each carries on what the frames before it made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sd_core.animation.media.frame_store import FrameStore
from sd_core.animation.repair.disocclusion_fill import filled
from sd_core.animation.repair.metrics import sharpness, warp_error
from sd_core.animation.repair.vae_compensation import restored
from sd_core.animation.reuse.source_map import gather, smeared, stained
from sd_core.animation.states import State
from sd_core.diffusion.attention import AttentionBank, shared_attention
from sd_core.diffusion.images import to_pixels
from sd_core.diffusion.latents import encode_mean
from sd_core.diffusion.loop import OnStep
from sd_core.requests import DepthToImage, ImageToImage
from sd_core.values import Array

from ..plan import Bench, Plan
from ..starts import noise_of
from .frame_request import Frame, Run, condition_frame, decode_frame, plan_frame, request_of, run_plan
from .prepare import Easel
from .reference_attention import References
from .start import Studio, plan_anew, plan_continued, strength_of


@dataclass(frozen=True, slots=True)
class Painted:
    """A frame: `image` (h, w, 3) float32 in [0, 1], overscan included; `state` for the next one; `stored` for the disk.

    wanted: frames whose stored images are still needed.
    """

    image: Array
    figures: dict[str, float]
    state: State
    stored: Array
    wanted: set[int]


class Painter:
    """Paints the frames of one animation in order. before: the image of the frame before the first, in a resumed run."""

    def __init__(self, studio: Studio, store: FrameStore, before: Array | None) -> None:
        self._studio = studio
        self._store = store
        self._before = before
        self._references = References(studio, store.image)

    def paint(self, easel: Easel, on_step: OnStep) -> Painted:
        """The next frame.

        Raises:
            RequestError: a pass is missing; names the frame.
        """
        index = easel.frame.index
        one = request_of(self._studio.request, easel.frame, self._studio.margin)
        bench = self._studio.bench(index)
        paint = self._anew if easel.matches is None or not self._studio.carries else self._continued
        image, run = paint(easel, one, bench, on_step)
        # What later frames sample is what a resumed run reads from the disk: rounded.
        stored, figures = image.astype(np.float16), self._figures(easel, image, run)
        self._before = stored
        return Painted(image, figures, easel.after.arrays(), stored, easel.after.wanted | {index})

    def _anew(self, easel: Easel, one: DepthToImage | ImageToImage, bench: Bench, on_step: OnStep) -> tuple[Array, Run]:
        noise = None if easel.noise is None else self._noise(easel)
        plan = plan_anew(self._studio, noise, one, bench)
        run = self._run(plan, easel.frame, one, bench, on_step)
        return unit_image(decode_frame(run.latents, bench)), run

    def _continued(
        self, easel: Easel, one: DepthToImage | ImageToImage, bench: Bench, on_step: OnStep
    ) -> tuple[Array, Run]:
        """From the reference, in which every surface is sampled once from the frame in which it was made."""
        studio = self._studio
        births, objects = easel.births, easel.view.objects
        known = births.made & ~smeared(births, easel.view)
        reference = filled(gather(births, self._store.image), known, stained(births, studio.scale), objects)
        clean = encode_mean(studio.model, to_pixels(reference))
        plan = plan_continued(studio, plan_frame(one, bench), easel.needs, one, clean, self._noise(easel))
        with self._looking_back(easel, one) as evaluations:
            run = self._run(plan, easel.frame, one, bench, on_step)
        run = replace(run, evaluations=run.evaluations + evaluations)
        image = unit_image(decode_frame(run.latents, bench))
        reuse = studio.request.reuse
        if reuse.servo or reuse.colour:
            again = unit_image(decode_frame(clean, bench))
            # what is made again in this frame is no measure of its colours
            held = replace(births, firm=births.firm & ~easel.needs.fresh)
            renewed = easel.needs.renewed
            image = restored(image, reference, again, held, reuse, renewed=renewed, objects=objects, scale=studio.scale)
        return image, run

    def _noise(self, easel: Easel) -> Tensor:
        """(1, c, lh, lw) unit noise: that of the surfaces, else drawn."""
        bench = self._studio.bench(easel.frame.index)
        if easel.noise is None:
            return noise_of(bench, easel.frame.size)
        return torch.from_numpy(easel.noise)[None].to(bench.device)

    @contextmanager
    def _looking_back(self, easel: Easel, one: DepthToImage | ImageToImage) -> Iterator[int]:
        """The first frame of the shot in the attention, where something new is made; gives the evaluations that it took."""
        if easel.anchor is None:
            yield 0
            return
        known = self._references.evaluations
        seen = self._references.of(easel.anchor, strength_of(easel.needs, one))
        with shared_attention(self._studio.model.unet, AttentionBank(references=(seen,))):
            yield self._references.evaluations - known

    def _run(self, plan: Plan, frame: Frame, one: DepthToImage | ImageToImage, bench: Bench, on_step: OnStep) -> Run:
        conditioning = condition_frame(one, plan, frame.settings.prompt, bench, self._studio.adapters, frame.size)
        return run_plan(plan, conditioning, one, bench, on_step)

    def _figures(self, easel: Easel, image: Array, run: Run) -> dict[str, float]:
        inner = slice(self._studio.margin, -self._studio.margin or None)
        seen = easel.births.made & ~easel.needs.fresh
        figures = {
            "reused": float(seen[inner, inner].mean()),
            "evaluations": float(run.evaluations),
            "sharpness": sharpness(image[inner, inner]),
            "cut": float(easel.cut),
        }
        if easel.matches is not None and self._before is not None:
            offsets, matched = easel.matches.offsets[inner, inner], easel.matches.seen[inner, inner]
            before = self._before[inner, inner].astype(np.float32)
            error = warp_error(image[inner, inner], before, offsets, matched)
            figures |= {} if error is None else {"warp_error": error}
        return figures


def unit_image(pixels: Tensor) -> Array:
    """(h, w, 3) float32 in [0, 1] of decoded pixels (1, 3, h, w)."""
    return (pixels[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
