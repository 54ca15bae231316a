"""Muon: momentum made orthogonal, for weights that are matrices; AdamW for the rest.

Jordan et al. 2024, kellerjordan.github.io/posts/muon; step size after Liu et al. 2025, arXiv:2502.16982, so that one learning
rate serves both kinds. Ours and not torch's, which takes two-dimensional parameters alone, so no convolutions, and computes in
bfloat16, which CPUs without instructions for it emulate.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from sd_core.training.team import Team

MOMENTUM = 0.95
WEIGHT_DECAY = 0.01
ITERATIONS = 4
"""One less than Jordan's: a third fewer products, and only directions under a hundredth of the norm stay shorter."""
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the odd quintic that is iterated; they rise steeply at zero and leave singular values in about (0.7, 1.2)
that were at least a hundredth of the matrix's norm."""
UPDATE_SIZE = 0.2
"""Root mean square of an update in learning rates: about AdamW's."""


def orthogonalise(matrix: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrix to (m, n) `matrix`, roughly: the same singular vectors, singular values near one.

    The iteration runs on the small Gram matrix, and touches the wide one only twice.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp_min(1e-7)
    gram = wide @ wide.T
    product = factor = _quintic(gram)
    for _ in range(ITERATIONS - 1):
        gram = factor @ gram @ factor
        factor = _quintic(gram)
        product = factor @ product
    wide = product @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


def _quintic(gram: Tensor) -> Tensor:
    """What one iteration multiplies a matrix with, given the matrix times its transpose."""
    a, b, c = COEFFICIENTS
    factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
    factor.diagonal().add_(a)
    return factor


class Muon:
    """One optimiser over all parameters; the processes of `team` share the orthogonalisation."""

    def __init__(self, parameters: Iterable[nn.Parameter], team: Team) -> None:
        parameters = list(parameters)
        self._team = team
        self._matrices = [p for p in parameters if p.ndim > 1]
        self._momenta = [torch.zeros_like(p) for p in self._matrices]
        self._rest = torch.optim.AdamW(
            [p for p in parameters if p.ndim <= 1], betas=(0.9, 0.99), weight_decay=WEIGHT_DECAY, fused=True
        )

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move every parameter by its gradient, and forget the gradients."""
        updates = self._updates().split([p.numel() for p in self._matrices])
        for parameter, update in zip(self._matrices, updates, strict=True):
            parameter.mul_(1 - learning_rate * WEIGHT_DECAY)
            parameter.add_(update.view_as(parameter), alpha=-learning_rate)
            parameter.grad = None
        for group in self._rest.param_groups:
            group["lr"] = learning_rate
        self._rest.step()
        self._rest.zero_grad()

    def _updates(self) -> Tensor:
        """All updates in one row, each made by one process of the team."""
        updates = []
        for index, (parameter, momentum) in enumerate(zip(self._matrices, self._momenta, strict=True)):
            gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
            momentum.mul_(MOMENTUM).add_(gradient)
            if index % self._team.size == self._team.rank:
                ahead = gradient.add(momentum, alpha=MOMENTUM).flatten(1)
                updates.append(orthogonalise(ahead).flatten() * (UPDATE_SIZE * math.sqrt(max(ahead.shape))))
            else:
                updates.append(torch.zeros(parameter.numel()))
        return self._team.total(torch.cat(updates))

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs to go on."""
        return {"momenta": self._momenta, "rest": self._rest.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        for momentum, saved in zip(self._momenta, state["momenta"], strict=True):
            momentum.copy_(saved)
        self._rest.load_state_dict(state["rest"])
