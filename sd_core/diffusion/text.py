"""Prompts to embeddings: what diffusers' pipelines compute, with emphasis and without their limit of 75 tokens.

Our own, because the kept library for this (compel) has another syntax and other weights than AUTOMATIC1111's, which prompts in the
wild are written in, and hands the encoder a mask that stock diffusers does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sd_core.models import Family, Model

from .emphasis import parse_emphasis


@dataclass(frozen=True, slots=True)
class PromptEmbeds:
    """Encoded prompts, each (1, t, d), t a multiple of the encoder's length; pooled ones (1, d), SDXL only.

    `negative` is None for a run without guidance.
    """

    prompt: Tensor
    negative: Tensor | None
    pooled: Tensor | None
    negative_pooled: Tensor | None


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Token ids and their weights, without begin and end marks."""

    ids: list[int]
    weights: list[float]


@dataclass(frozen=True, slots=True)
class _Encoded:
    hidden: Tensor
    pooled: Tensor | None


@torch.no_grad()
def encode_prompt(model: Model, prompt: str, negative_prompt: str, *, guided: bool) -> PromptEmbeds:
    """Embeddings of a prompt and its negative, of equal length.

    A prompt of at most 75 tokens without emphasis gives what diffusers' own pipeline gives. Longer ones are encoded in chunks
    of 75 tokens that stand one after the other; SDXL's pooled embedding is that of the first chunk. An empty negative
    prompt is all zeros where the checkpoint asks for it (SDXL).

    Args:
        model: whose encoders to use.
        prompt: in AUTOMATIC1111's syntax, see `parse_emphasis`; textual-inversion tokens are expanded.
        negative_prompt: likewise.
        guided: whether the negative prompt is needed.
    """
    texts = [prompt, negative_prompt] if guided else [prompt]
    encoders = [_Encoder(model, *pair) for pair in zip(model.text_encoders, model.tokenizers, strict=True)]
    tokens = [[encoder.tokenize(text) for encoder in encoders] for text in texts]
    chunks = max(encoder.chunks(t) for of_text in tokens for encoder, t in zip(encoders, of_text, strict=True))
    encoded = [
        _side_by_side([encoder.encode(t, chunks) for encoder, t in zip(encoders, of_text, strict=True)])
        for of_text in tokens
    ]
    positive = encoded[0]
    if not guided:
        return PromptEmbeds(positive.hidden, None, positive.pooled, None)
    negative = _zeros(positive) if _zero_negative(model, negative_prompt) else encoded[1]
    return PromptEmbeds(positive.hidden, negative.hidden, positive.pooled, negative.pooled)


@dataclass(frozen=True, slots=True)
class _Encoder:
    """A CLIP text encoder with its tokenizer."""

    model: Model
    network: Any
    tokenizer: Any

    @property
    def room(self) -> int:
        """Tokens to a chunk, begin and end marks left out: CLIP's 75."""
        return int(self.tokenizer.model_max_length) - 2

    def chunks(self, tokens: _Tokens) -> int:
        """Chunks that the tokens fill; an empty prompt is one."""
        return max(1, -(-len(tokens.ids) // self.room))

    def tokenize(self, text: str) -> _Tokens:
        """Ids and weights of a prompt, fragment by fragment."""
        ids: list[int] = []
        weights: list[float] = []
        for fragment in parse_emphasis(text):
            found = self.tokenizer(self._expand(fragment.text), add_special_tokens=False, verbose=False).input_ids
            ids += found
            weights += [fragment.weight] * len(found)
        return _Tokens(ids, weights)

    def _expand(self, text: str) -> str:
        """Textual inversions of several vectors stand for several tokens."""
        if not any(word in text for word in self.tokenizer.added_tokens_encoder):
            return text
        return self.model.pipeline.maybe_convert_prompt(text, self.tokenizer)

    def encode(self, tokens: _Tokens, chunks: int) -> _Encoded:
        """The chunks' embeddings in one row, weighted."""
        rows = [slice(i * self.room, (i + 1) * self.room) for i in range(chunks)]
        ids = torch.tensor([self._add_markers(tokens.ids[row]) for row in rows], device=self.model.placement.device)
        encoded = self._run(ids, [len(tokens.ids[row]) for row in rows])
        weights = torch.tensor([self._framed_weights(tokens.weights[row]) for row in rows])
        hidden = _weigh(encoded.hidden, weights, restore_mean=self.model.family is not Family.SDXL)
        return _Encoded(hidden.reshape(1, -1, hidden.shape[-1]), encoded.pooled)

    def _add_markers(self, ids: list[int]) -> list[int]:
        padding = [self.tokenizer.pad_token_id] * (self.room - len(ids))
        return [self.tokenizer.bos_token_id, *ids, self.tokenizer.eos_token_id, *padding]

    def _framed_weights(self, weights: list[float]) -> list[float]:
        return [1.0, *weights, *[1.0] * (self.room - len(weights) + 1)]

    def _run(self, ids: Tensor, lengths: Sequence[int]) -> _Encoded:
        if self.model.family is not Family.SDXL:
            masked = getattr(self.network.config, "use_attention_mask", False)
            return _Encoded(self.network(ids, attention_mask=_mask(ids, lengths) if masked else None)[0], None)
        output = self.network(ids, output_hidden_states=True)
        pooled = output[0][:1] if output[0].ndim == 2 else None
        return _Encoded(output.hidden_states[-2], pooled)


def _mask(ids: Tensor, lengths: Sequence[int]) -> Tensor:
    ends = torch.tensor(lengths, device=ids.device)[:, None] + 2
    return (torch.arange(ids.shape[1], device=ids.device)[None] < ends).long()


def _weigh(hidden: Tensor, weights: Tensor, *, restore_mean: bool) -> Tensor:
    """Scale each token's embedding by its weight; (n, t, d) and (n, t).

    AUTOMATIC1111 then scales every chunk back to its former mean. SDXL's embeddings have a mean near zero, where that quotient
    is noise, so there it is left out.
    """
    if bool((weights == 1).all()):
        return hidden
    weighted = hidden.float() * weights.to(hidden.device)[..., None]
    if restore_mean:
        weighted = weighted * (hidden.float().mean() / weighted.mean())
    return weighted.to(hidden.dtype)


def _side_by_side(parts: Sequence[_Encoded]) -> _Encoded:
    pooled = next((part.pooled for part in parts if part.pooled is not None), None)
    return _Encoded(torch.cat([part.hidden for part in parts], dim=-1), pooled)


def _zero_negative(model: Model, negative_prompt: str) -> bool:
    return not negative_prompt and bool(model.pipeline.config.get("force_zeros_for_empty_prompt", False))


def _zeros(like: _Encoded) -> _Encoded:
    return _Encoded(torch.zeros_like(like.hidden), None if like.pooled is None else torch.zeros_like(like.pooled))
