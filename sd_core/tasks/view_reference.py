"""The first view of an object in the attention of its later ones: a face that no earlier view has seen gets their material.

Two sides of a box share no pixel, so that nothing else holds the second one to the colours and the pattern of the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from sd_core.diffusion.attention import AttentionBank, shared_attention
from sd_core.diffusion.images import to_pixels
from sd_core.diffusion.latents import encode_mean
from sd_core.diffusion.noise import seeded_generators
from sd_core.diffusion.predict import PredictInputs, make_predict
from sd_core.models import with_adapters
from sd_core.requests import DepthToImage
from sd_core.requests.resolved import seed_of, size_of

from .depth_to_image import plan_depth_to_image
from .generate import conditioning_of
from .plan import Context, Picture, TaskEnv
from .resolve import resolve
from .starts import noise_of

_STEPS = 1.0
"""Share of the steps in which the first view is attended to; at 0.5 the sides of a box of "wooden planks" still differ in hue."""

_MOST_TOKENS = 32 * 32
"""Largest attention layer that takes part: all but the outermost of Stable Diffusion 1.5 at 512 px."""


class ViewReference:
    """What the attention layers see of the first finished view of an object; until then nothing changes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen: Mapping[str, list[Tensor]] | None = None

    @property
    def is_recorded(self) -> bool:
        return self._seen is not None

    def record(self, request: DepthToImage, picture: Picture) -> None:
        """Let the layers see a finished view.

        It is noised to every level with one fixed noise, so that a resumed run sees the same.

        Args:
            request: that of the view.
            picture: (h, w, 3) uint8.
        """
        model = self._context.model(request.model)
        request = resolve(request, model)
        with with_adapters(model, request.loras, request.image_prompt) as adapters, torch.no_grad():
            env = TaskEnv(model, self._context, seeded_generators(seed_of(request), 1))
            plan = plan_depth_to_image(request, env)
            conditioning = conditioning_of(request, plan, env, adapters)
            predict = make_predict(model, PredictInputs(conditioning, plan.controls, plan.extra_channels))
            clean, schedule = encode_mean(model, to_pixels(picture)), plan.schedule
            noise = noise_of(TaskEnv(model, self._context, seeded_generators(seed_of(request), 1)), size_of(request))
            bank = AttentionBank(recording=True, most_tokens=_MOST_TOKENS)
            with shared_attention(model.unet, bank):
                for step in schedule.steps[: round(_STEPS * schedule.end.count)]:
                    predict(schedule.scale(schedule.noise_to(clean, noise, step), step), step)
        self._seen = bank.seen

    @contextmanager
    def attended(self, request: DepthToImage) -> Iterator[None]:
        """While this lasts, the network attends to what was recorded."""
        if self._seen is None:
            yield
            return
        model = self._context.model(request.model)
        with shared_attention(model.unet, AttentionBank(references=(self._seen,))):
            yield
