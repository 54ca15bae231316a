"""One run's noise schedule: a diffusers scheduler behind a contract that knows no prediction type."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import torch
from diffusers import KDPM2AncestralDiscreteScheduler, SchedulerMixin
from torch import Generator, Tensor

from sd_core.errors import ModelMismatch, RequestError

from .schedulers import build_scheduler


@dataclass(frozen=True, slots=True)
class Step:
    """Where a run stands: step `index` of `count`; `index == count` is the clean end.

    `timestep` is the 0-d tensor that the network receives.
    """

    index: int
    count: int
    timestep: Tensor


@dataclass(frozen=True, slots=True)
class Level:
    """A noise level in variance-preserving terms: `scale * x_t = alpha * x_0 + sigma * noise`, alpha^2 + sigma^2 = 1.

    `scale` is 1 for schedulers that keep the variance and `alpha` for those that let it explode (Karras et al. 2022,
    arXiv:2206.00364, table 1).
    """

    alpha: float
    sigma: float
    scale: float


CLEAN = Level(1.0, 0.0, 1.0)


class Schedule:
    """The part of a scheduler's timesteps that one run takes, and the arithmetic of its noise levels.

    Holds a private copy of the scheduler, because diffusers' schedulers carry the state of a run.
    """

    def __init__(
        self, scheduler: SchedulerMixin, num_inference_steps: int, strength: float, device: torch.device
    ) -> None:
        _set_timesteps(scheduler, num_inference_steps, device)
        # The share of the steps that a strength leaves, as every diffusers image-to-image pipeline counts it.
        kept = min(int(num_inference_steps * strength), num_inference_steps)
        if kept < 1:
            hint = f"raise it to at least {1 / num_inference_steps:.3g}, or raise num_inference_steps"
            raise RequestError("strength", f"{strength} leaves none of {num_inference_steps} steps to run", hint=hint)
        self._begin = (num_inference_steps - kept) * scheduler.order
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(self._begin)
        self._scheduler = scheduler
        self._step_arguments = frozenset(inspect.signature(scheduler.step).parameters)
        timesteps = scheduler.timesteps[self._begin :]
        self.steps = tuple(Step(i, len(timesteps), t) for i, t in enumerate(timesteps))
        self.end = Step(len(timesteps), len(timesteps), torch.zeros_like(timesteps[-1]))
        self.prediction_type: str = scheduler.config.get("prediction_type", "epsilon")

    @property
    def init_noise_sigma(self) -> float:
        """Standard deviation of the latents with which a run from pure noise starts."""
        return float(self._scheduler.init_noise_sigma)

    def scale(self, x_t: Tensor, step: Step) -> Tensor:
        """The network's input for noisy latents `x_t`."""
        return self._scheduler.scale_model_input(x_t, step.timestep)

    def advance(self, prediction: Tensor, step: Step, x_t: Tensor, generators: list[Generator]) -> Tensor:
        """The latents of the next step. Stochastic schedulers draw from `generators`, one per image."""
        drawn_from = generators[0] if len(generators) == 1 else generators
        offered = {"generator": drawn_from, "eta": 0.0}
        extra = {name: value for name, value in offered.items() if name in self._step_arguments}
        return self._scheduler.step(prediction, step.timestep, x_t, **extra, return_dict=False)[0]

    def level(self, step: Step) -> Level:
        """The noise level of the latents that `step` begins with."""
        if step.index == step.count:
            return CLEAN
        sigmas = getattr(self._scheduler, "sigmas", None)
        if sigmas is None:
            alpha_squared = self._scheduler.alphas_cumprod[int(step.timestep)]
            return Level(float(alpha_squared**0.5), float((1 - alpha_squared) ** 0.5), 1.0)
        sigma = self._sigma(self._begin + step.index)
        alpha = 1 / (sigma**2 + 1) ** 0.5
        preserves_variance = hasattr(self._scheduler, "_sigma_to_alpha_sigma_t")
        return Level(float(alpha), float(sigma * alpha), 1.0 if preserves_variance else float(alpha))

    def to_clean(self, prediction: Tensor, x_t: Tensor, step: Step) -> Tensor:
        """The clean latents that a `prediction` at `x_t` stands for (Salimans & Ho 2022, arXiv:2202.00512)."""
        level = self.level(step)
        match self.prediction_type:
            case "epsilon":
                return (level.scale * x_t - level.sigma * prediction) / level.alpha
            case "v_prediction":
                return level.alpha * level.scale * x_t - level.sigma * prediction
            case "sample":
                return prediction
            case other:
                raise ModelMismatch(f"the prediction type {other!r} is unknown", hint=_PREDICTION_HINT)

    def from_clean(self, x0: Tensor, x_t: Tensor, step: Step) -> Tensor:
        """The prediction at `x_t` that stands for clean latents `x0`: the inverse of `to_clean`."""
        level = self.level(step)
        match self.prediction_type:
            case "epsilon":
                return (level.scale * x_t - level.alpha * x0) / level.sigma
            case "v_prediction":
                return (level.alpha * level.scale * x_t - x0) / level.sigma
            case "sample":
                return x0
            case other:
                raise ModelMismatch(f"the prediction type {other!r} is unknown", hint=_PREDICTION_HINT)

    def noise_to(self, x0: Tensor, noise: Tensor, step: Step) -> Tensor:
        """Clean latents `x0` noised to the level at which `step` begins, in the scheduler's own scaling."""
        level = self.level(step)
        return (level.alpha / level.scale) * x0 + (level.sigma / level.scale) * noise

    def _sigma(self, index: int) -> Tensor:
        """The sigma at which the scheduler's evaluation `index` takes place.

        Second-order DPM2 evaluates every other time between two of its sigmas, and keeps those in a table of its own.
        """
        between = getattr(self._scheduler, "sigmas_interpol", None)
        if between is None or index % 2 == 0:
            return self._scheduler.sigmas[index]
        ancestral = isinstance(self._scheduler, KDPM2AncestralDiscreteScheduler)
        return between[index - 1 if ancestral else index]


_PREDICTION_HINT = "the model's scheduler_config.json must say epsilon, v_prediction or sample"


def make_schedule(
    base: SchedulerMixin, name: str | None, num_inference_steps: int, strength: float, device: torch.device
) -> Schedule:
    """The schedule of one run.

    Args:
        base: the checkpoint's scheduler; its configuration describes the training noise.
        name: a key of `SCHEDULERS`, or None for `base` itself.
        num_inference_steps: steps of a full run.
        strength: share of these to run, in (0, 1] (SDEdit, Meng et al. 2022, arXiv:2108.01073).

    Raises:
        RequestError: unknown `name`, or a strength that leaves no step.
        ModelMismatch: the scheduler cannot serve the model.
    """
    return Schedule(build_scheduler(base, name), num_inference_steps, strength, device)


def _set_timesteps(scheduler: SchedulerMixin, count: int, device: torch.device) -> None:
    """Spread `count` steps over the training's noise levels.

    Raises:
        RequestError: the scheduler cannot: they are too many or, for some, too few.
    """
    name, hint = type(scheduler).__name__, "use another number of steps, or another scheduler"
    try:
        scheduler.set_timesteps(count, device=device)
    except ValueError as error:
        raise RequestError("num_inference_steps", f"{count} is not for {name}: {error}", hint=hint) from error
    levels = int(scheduler.config["num_train_timesteps"])
    if int(scheduler.timesteps.max()) >= levels or _stands_still(scheduler):
        message = f"{count} is not for {name}: it has {levels} noise levels, and needs a new one in every step"
        raise RequestError("num_inference_steps", message, hint=f"use fewer than {levels}, or another scheduler")


def _stands_still(scheduler: SchedulerMixin) -> bool:
    """Whether a multistep solver, which divides by the distance of its noise levels, has the same one twice."""
    sigmas = getattr(scheduler, "sigmas", None)
    return sigmas is not None and scheduler.order == 1 and bool((sigmas[1:] == sigmas[:-1]).any())
