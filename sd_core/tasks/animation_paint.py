"""How a frame of an animation is painted: alone, or carrying on what the frames before it made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from sd_core.animation.figures import sharpness
from sd_core.animation.store import FrameStore, State
from sd_core.diffusion.loop import OnStep
from sd_core.diffusion.noise import seeded_generators
from sd_core.models import Adapted, Model
from sd_core.passes import FramePasses
from sd_core.requests import Animation, NoiseKind
from sd_core.requests.generation import MAX_SEED
from sd_core.values import Array

from .animation_frame import Frame, condition_frame, decode_frame, plan_frame, request_of, run_plan
from .plan import Bench, Context


def margin_of(request: Animation) -> int:
    """px of overscan that are painted: latents need multiples of 8, and a frame that carries nothing needs none."""
    reuse = request.reuse
    return request.overscan // 4 * 4 if reuse.start or reuse.pin else 0


@dataclass(frozen=True, slots=True)
class Painted:
    """A frame: `image` (h, w, 3) float32 in [0, 1], overscan included; `state` for the next one; `stored` for the disk.

    wanted: frames whose stored images are still needed.
    """

    image: Array
    figures: dict[str, float]
    state: State
    stored: Array
    wanted: Collection[int] = field(default_factory=set)


class Painter:
    """Paints the frames of one animation in order."""

    def __init__(
        self, request: Animation, model: Model, adapters: Adapted, context: Context, store: FrameStore
    ) -> None:
        self.model = model
        self.context = context
        self._request = request
        self._adapters = adapters
        self._store = store
        self._margin = margin_of(request)

    def restore(self, state: Mapping[str, Array], before: FramePasses) -> None:
        """Go on after the frame `before`, which left `state`."""

    def paint(self, frame: Frame, on_step: OnStep) -> Painted:
        """The next frame."""
        one = request_of(self._request, frame, self._margin)
        bench = self._bench(frame.index)
        plan = plan_frame(one, bench)
        conditioning = condition_frame(one, plan, frame.settings.prompt, bench, self._adapters, frame.size)
        run = run_plan(plan, conditioning, one, bench, on_step)
        image = unit_image(decode_frame(run.latents, bench))
        inner = slice(self._margin, -self._margin or None)
        figures = {
            "reused": 0.0, "evaluations": float(run.evaluations), "sharpness": sharpness(image[inner, inner]),
            "cut": float(frame.passes.cut),
        }  # fmt: skip
        return Painted(image, figures, {}, image.astype(np.float16), {frame.index})

    def _bench(self, index: int) -> Bench:
        assert self._request.seed is not None, "a resolved request has a seed"
        seed = self._request.seed
        if self._request.reuse.noise is NoiseKind.INDEPENDENT:
            seed = (seed + index) % (MAX_SEED + 1)
        return Bench(self.model, self.context, seeded_generators(seed, 1))


def unit_image(pixels: Tensor) -> Array:
    """(h, w, 3) float32 in [0, 1] of decoded pixels (1, 3, h, w)."""
    return (pixels[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
