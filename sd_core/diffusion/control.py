"""ControlNets: which run at a step, and the sum of what they add to the UNet (Zhang et al. 2023, arXiv:2302.05543)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from diffusers import ControlNetModel
from torch import Tensor

from .loop import Step
from .tiles import Window


@dataclass(frozen=True, slots=True)
class ActiveControl:
    """A ControlNet with its control picture.

    `hint` is (1, 3, h, w) in [0, 1]; `start` and `end` are shares of the steps that run.
    """

    network: ControlNetModel
    hint: Tensor
    scale: float
    start: float
    end: float

    def runs_at(self, step: Step) -> bool:
        """Whether this step lies inside [start, end]; the rule is that of diffusers' ControlNet pipelines."""
        before = step.index / step.count < self.start
        after = (step.index + 1) / step.count > self.end
        return self.scale != 0 and not (before or after)

    def cut(self, window: Window, scale: int) -> ActiveControl:
        """The same control on one tile of the picture."""
        return replace(self, hint=window.cut(self.hint, scale))


@dataclass(frozen=True, slots=True)
class Residuals:
    """What ControlNets add to the UNet's skip connections and to its middle."""

    down: list[Tensor]
    mid: Tensor

    def __add__(self, other: Residuals) -> Residuals:
        return Residuals([a + b for a, b in zip(self.down, other.down, strict=True)], self.mid + other.mid)


def control_residuals(
    controls: Sequence[ActiveControl], model_input: Tensor, step: Step, embeddings: Tensor, added: dict[str, Any] | None
) -> Residuals | None:
    """The summed residuals of the controls that run at `step`; None if none does.

    Args:
        controls: all controls of the run.
        model_input: (n, c, lh, lw), in the networks' dtype.
        step: the step to predict.
        embeddings: (n, t, d) text embeddings.
        added: SDXL's micro-conditioning.
    """
    total: Residuals | None = None
    for control in controls:
        if control.runs_at(step):
            residuals = _residuals(control, model_input, step, embeddings, added)
            total = residuals if total is None else total + residuals
    return total


def _residuals(
    control: ActiveControl, model_input: Tensor, step: Step, embeddings: Tensor, added: dict[str, Any] | None
) -> Residuals:
    down, mid = control.network(
        model_input,
        step.timestep,
        encoder_hidden_states=embeddings,
        controlnet_cond=control.hint.to(model_input).expand(len(model_input), -1, -1, -1),
        conditioning_scale=control.scale,
        added_cond_kwargs=added,
        return_dict=False,
    )
    return Residuals(list(down), mid)
