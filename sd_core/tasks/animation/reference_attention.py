"""Reference attention: where a frame generates new areas, it attends to the first frame of the shot besides itself.

The frame before needs no place of its own there. Moved to where its surfaces are now it is what a frame starts from and is
held to, so that the frame's own layers see it in every step; seen once more as it was, it changed nothing that is measured
(`tests/benchmarks/animation.py`) and cost as many evaluations as a fifth of the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from sd_core.animation.policy import POLICY
from sd_core.diffusion.attention import AttentionBank, shared_attention
from sd_core.diffusion.images import to_pixels
from sd_core.diffusion.latents import encode_mean
from sd_core.diffusion.predict import PredictInputs, make_predict
from sd_core.values import Array

from ..seams import seamless_unet
from ..starts import noise_of, schedule_of
from .frame_request import FrameInput, condition_frame, frame_request, plan_frame
from .start import AnimationRun

AttentionTokens = Mapping[str, list[Tensor]]
"""What the layers saw of one frame, by layer and step."""


class References:
    """Makes and keeps what the layers see of a finished frame; `image` gives its image.

    It is noised to every level with one fixed noise and given its own depth and prompt, so that it is the same whenever
    it is made: in a resumed run, too. `evaluations` counts how often the UNet ran for it.
    """

    def __init__(self, animation: AnimationRun, image: Callable[[int], Array]) -> None:
        self.evaluations = 0
        self._animation = animation
        self._image = image
        self._kept: tuple[int, float, AttentionTokens] | None = None

    def of(self, frame: FrameInput, strength: float) -> AttentionTokens:
        """What the layers see of `frame` in the first steps of a run by `strength`; the last answer is kept."""
        if self._kept is None or self._kept[:2] != (frame.index, strength):
            self._kept = frame.index, strength, self._record(frame, strength)
        return self._kept[2]

    def _record(self, frame: FrameInput, strength: float) -> AttentionTokens:
        animation = self._animation
        env = animation.environment(0)
        request = frame_request(animation.request, frame, animation.margin)
        plan = plan_frame(request, env)
        conditioning = condition_frame(request, plan, frame.settings.prompt, env, animation.adapters, frame.size)
        predict = make_predict(animation.model, PredictInputs(conditioning, plan.controls, plan.extra_channels))
        schedule = schedule_of(request, env, strength)
        clean = encode_mean(animation.model, to_pixels(self._image(frame.index)))
        noise = noise_of(animation.environment(0), frame.size)
        steps = schedule.steps[: round(POLICY.reference_steps * schedule.end.count)]
        bank = AttentionBank(recording=True, most_tokens=POLICY.reference_tokens)
        with seamless_unet(request, animation.model, plan.controls), shared_attention(animation.model.unet, bank):
            for step in steps:
                predict(schedule.scale(schedule.noise_to(clean, noise, step), step), step)
        self.evaluations += len(steps) * conditioning.passes
        return bank.seen
