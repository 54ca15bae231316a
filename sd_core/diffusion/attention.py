"""Extra keys and values for self-attention: a frame or view that also looks at others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor


@dataclass(slots=True)
class AttentionBank:
    """What the self-attention layers of earlier runs saw, by layer and call.

    While `recording`, every layer's input is appended to `seen`. Every layer attends to its own input and also to
    the inputs of the same layer and call in `references`: concatenated, never replaced. Calls are counted from the start
    of a run, so that step `n` looks at step `n`; where a reference ends earlier, later steps do without it. Layers of more
    than `most_tokens` tokens are not recorded: they hold most of the memory, and detail rather than style.
    """

    references: tuple[Mapping[str, list[Tensor]], ...] = ()
    recording: bool = False
    seen: dict[str, list[Tensor]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    most_tokens: int | None = None


@contextmanager
def shared_attention(unet: UNet2DConditionModel, bank: AttentionBank) -> Iterator[AttentionBank]:
    """Let the self-attention layers of `unet` share keys and values through `bank`; restore them on exit.

    Extra tokens come from the same layer at the same step of another run (Cao et al. 2023, "MasaCtrl",
    arXiv:2304.08465; Hertz et al. 2023, "StyleAligned", arXiv:2312.02133). With an empty bank nothing changes.
    """
    before = dict(unet.attn_processors)
    shared = {name: _Shared(p, name, bank) if "attn1" in name else p for name, p in before.items()}
    unet.set_attn_processor(dict(shared))
    try:
        yield bank
    finally:
        unet.set_attn_processor(before)


class _Shared:
    """A processor that lengthens the context of the one it wraps."""

    def __init__(self, inner: object, name: str, bank: AttentionBank) -> None:
        self._inner, self._name, self._bank = inner, name, bank

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        *args: object,
        **more: object,
    ) -> Tensor:
        call = self._bank.calls.get(self._name, 0)
        self._bank.calls[self._name] = call + 1
        small = self._bank.most_tokens is None or hidden_states.shape[1] <= self._bank.most_tokens
        if self._bank.recording and small:
            self._bank.seen.setdefault(self._name, []).append(hidden_states.detach())
        known = [reference.get(self._name, []) for reference in self._bank.references]
        extra = [_fit(seen[call], hidden_states) for seen in known if call < len(seen)]
        context = torch.cat([hidden_states, *extra], dim=1) if extra else encoder_hidden_states
        return self._inner(attn, hidden_states, context, *args, **more)  # type: ignore[operator]


def _fit(tokens: Tensor, like: Tensor) -> Tensor:
    return tokens.to(like).expand(len(like), -1, -1)
