"""A UNet and a ControlNet that have learnt with one text encoder, put behind another by least squares.

What the networks know of the words is what they do with an embedding. The linear map that best turns the new encoder's
embeddings into the old one's is put before each weight that reads them; they then need hundreds of steps to go on, where
they would need thousands.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.models.embeddings import TextTimeEmbedding
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from sd_core.training.captions import ends_of_captions, token_ids

PADDING_SHARE = 0.12
"""Of the padding after captions, which is most of 77 tokens and all alike; every word and every end counts."""
RIDGE = 1e-3
"""Added to the mean square of every feature, so that features that hardly vary are not magnified."""
CHUNK = 100


@dataclass(frozen=True, slots=True)
class Translation:
    """What two text encoders say of the same tokens: (n, d) each."""

    old: Tensor
    new: Tensor

    @classmethod
    @torch.inference_mode()
    def between(
        cls,
        old: CLIPTextModel,
        new: CLIPTextModel,
        tokenizer: CLIPTokenizer,
        captions: Sequence[str],
        rng: np.random.Generator,
    ) -> "Translation":
        """What both say of `captions`."""
        ids = token_ids(tokenizer, captions, full=True)
        ends = ends_of_captions(tokenizer, ids)
        kept = ends.cumsum(1) <= 1  # every word and the first end
        kept |= torch.from_numpy(rng.random(ids.shape) < PADDING_SHARE)
        said = [torch.cat([encoder(part)[0] for part in ids.split(CHUNK)])[kept] for encoder in (old, new)]
        return cls(*said)


@torch.no_grad()
def refit(network: UNet2DConditionModel | ControlNetModel, translation: Translation) -> None:
    """Change in place how `network` reads embeddings, so that the new encoder's say about what the old one's said.

    Changed are the keys and values of cross-attention, and the pooling of the caption if the network has one.
    """
    linear = _least_squares(translation.new, translation.old)
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and name.endswith(("attn2.to_k", "attn2.to_v")):
            module.weight.copy_(module.weight @ linear.T)
        if isinstance(module, TextTimeEmbedding):
            _refit_pooling(module, translation)


def _refit_pooling(embedding: TextTimeEmbedding, translation: Translation) -> None:
    norm, pool = embedding.norm1, embedding.pool
    wanted = norm(translation.old)
    norm.weight.fill_(1)
    norm.bias.zero_()
    read = norm(translation.new)
    affine = _least_squares(torch.cat([read, torch.ones(len(read), 1)], 1), wanted)
    linear, offset = affine[:-1], affine[-1]
    # the vector added to the mean token has no image under an ill-conditioned map: its query, which matters, becomes a bias
    pool.q_proj.bias.add_(pool.q_proj.weight @ pool.positional_embedding[0])
    pool.positional_embedding.zero_()
    for part in (pool.q_proj, pool.k_proj, pool.v_proj):
        part.bias.add_(part.weight @ offset)
        part.weight.copy_(part.weight @ linear.T)


def _least_squares(inputs: Tensor, targets: Tensor) -> Tensor:
    """(d, e) X of the smallest ||given X - wanted||, with `RIDGE`."""
    inputs, targets = inputs.double(), targets.double()
    gram = inputs.T @ inputs / len(inputs) + RIDGE * torch.eye(inputs.shape[1], dtype=torch.float64)
    return torch.linalg.solve(gram, inputs.T @ targets / len(inputs)).float()
