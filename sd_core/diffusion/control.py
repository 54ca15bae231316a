"""Controls: which run at a step, and the sum of what they add to the UNet.

ControlNet: Zhang et al. 2023, arXiv:2302.05543. T2I-Adapter: Mou et al. 2023, arXiv:2302.08453.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from diffusers import ControlNetModel, T2IAdapter
from torch import Tensor

from sd_core.models import ControlNetwork

from .images import to_grey
from .loop import Step
from .rolling import Offset, roll
from .tiles import Window


@dataclass(frozen=True, slots=True)
class ActiveControl:
    """A ControlNet or a T2I-Adapter with its control picture.

    `hint` is (1 or b, 3, h, w) in [0, 1]; `start` and `end` are shares of the steps that run.
    """

    network: ControlNetwork
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

    def roll(self, offsets: Sequence[Offset], scale: int) -> ActiveControl:
        """The same control with its picture moved, for each image of a batch by another way."""
        return replace(self, hint=roll(self.hint, offsets, scale))


@dataclass(frozen=True, slots=True)
class Residuals:
    """What controls add to the UNet; nothing where a list is empty.

    skips: ControlNets', to its skip connections and, last, to its middle. blocks: T2I-Adapters', to the blocks of its way
    down, outermost first.
    """

    skips: list[Tensor] = field(default_factory=list)
    blocks: list[Tensor] = field(default_factory=list)

    def __add__(self, other: Residuals) -> Residuals:
        return Residuals(_sum(self.skips, other.skips), _sum(self.blocks, other.blocks))

    def after_nothing(self, rows: int) -> Residuals:
        """The same for a batch that begins with `rows` more, to which nothing is added."""
        if rows == 0:
            return self
        return Residuals(*([_led_by_zeros(r, rows) for r in residuals] for residuals in (self.skips, self.blocks)))


class Controls:
    """The controls of one run. What a T2I-Adapter sees in its picture is the same at every step, and is kept."""

    def __init__(self, controls: Sequence[ActiveControl]) -> None:
        self._controls = tuple(controls)
        self._seen: dict[int, list[Tensor]] = {}

    def residuals(self, model_input: Tensor, step: Step, embeddings: Tensor, added: dict[str, Any] | None) -> Residuals:
        """The summed residuals of the controls that run at `step`.

        Args:
            model_input: (n, c, lh, lw), in the networks' dtype.
            step: the step to predict.
            embeddings: (n, t, d) text embeddings.
            added: SDXL's micro-conditioning.
        """
        total = Residuals()
        for index, control in enumerate(self._controls):
            if not control.runs_at(step):
                continue
            if isinstance(control.network, T2IAdapter):
                if index not in self._seen:
                    self._seen[index] = _features(control.network, control.hint.to(model_input))
                total += Residuals(blocks=[_repeat(control.scale * f, model_input) for f in self._seen[index]])
            else:
                total += _controlnet(control.network, control, model_input, step, embeddings, added)
        return total


def _controlnet(
    network: ControlNetModel,
    control: ActiveControl,
    model_input: Tensor,
    step: Step,
    embeddings: Tensor,
    added: dict[str, Any] | None,
) -> Residuals:
    down, mid = network(
        model_input,
        step.timestep,
        encoder_hidden_states=embeddings,
        controlnet_cond=_repeat(control.hint.to(model_input), model_input),
        conditioning_scale=control.scale,
        added_cond_kwargs=added,
        return_dict=False,
    )
    return Residuals(skips=[*down, mid])


def _features(network: T2IAdapter, hint: Tensor) -> list[Tensor]:
    return list(network(to_grey(hint) if network.config.in_channels == 1 else hint))


def _repeat(x: Tensor, like: Tensor) -> Tensor:
    """`x` (1 or b, ...) for all passes of the b pictures, in the order of `like`."""
    return x.repeat(len(like) // len(x), 1, 1, 1)


def _led_by_zeros(residual: Tensor, rows: int) -> Tensor:
    return torch.cat([residual.new_zeros(rows, *residual.shape[1:]), residual])


def _sum(first: list[Tensor], second: list[Tensor]) -> list[Tensor]:
    """Sums in order; what only the longer list has stays as it is."""
    both = [a + b for a, b in zip(first, second, strict=False)]
    return both + first[len(both) :] + second[len(both) :]
