"""Teaching the text encoder to read, before the UNet learns to draw what it says.

Trained through the UNet alone, the encoder learns next to nothing for thousands of steps: a caption says little about the
noise of one picture. Asked for the words' meaning itself, it reads nearly every caption after a few minutes.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from sd_core.training.captions import token_ids
from sd_core.training.images import Label

BATCH = 64
LEARNING_RATE = 1.5e-3
WARMUP = 20


def learn_to_read(
    text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, labels: Sequence[Label], *, steps: int, seed: int
) -> Iterator[float]:
    """Train `text_encoder` in place to name material, colour and kind; it is left in evaluation mode.

    The answers are asked of the end of the caption and of the padding after it, which see all of it, by linear heads that
    are then dropped.

    Yields:
        The share of right answers of every step, 0 to 1, on the captions of that step, before it learns from them.
    """
    answers = Answers(labels)
    heads = nn.ModuleList(nn.Linear(text_encoder.config.hidden_size, len(names)) for names in answers.names)
    parameters = [*text_encoder.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=LEARNING_RATE, betas=(0.9, 0.99), weight_decay=0.01)
    text_encoder.train()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARMUP) * (1 - step / steps)
        rng = np.random.default_rng((seed, step))
        chosen = rng.integers(len(labels), size=BATCH)
        captions = [str(rng.choice(labels[index]["captions"])) for index in chosen]
        loss, right = _asked(text_encoder, heads, token_ids(tokenizer, captions, full=False), answers.of(chosen))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        yield right
    text_encoder.eval()


class Answers:
    """What can be asked of the captions of `labels`, and the right answers as numbers."""

    def __init__(self, labels: Sequence[Label]) -> None:
        said = [(label["material"], label["colour"], label["kind"]) for label in labels]
        self.names = [sorted(set(values)) for values in zip(*said, strict=True)]
        self._numbers = torch.tensor(
            [[names.index(value) for names, value in zip(self.names, values, strict=True)] for values in said]
        )

    def of(self, chosen: np.ndarray) -> Tensor:
        """(b, questions) numbers of the right answers."""
        return self._numbers[torch.from_numpy(chosen)]


def _asked(text_encoder: CLIPTextModel, heads: nn.ModuleList, ids: Tensor, answers: Tensor) -> tuple[Tensor, float]:
    """The summed cross-entropy of all questions, a scalar, and the share of right answers, 0 to 1; ids: (b, t)."""
    hidden = text_encoder(ids)[0]
    end = ids == text_encoder.config.eos_token_id
    loss, right = hidden.new_zeros(()), 0.0
    for head, answer in zip(heads, answers.unbind(1), strict=True):
        given = head(hidden[end])
        wanted = answer[:, None].expand_as(ids)[end]
        loss = loss + F.cross_entropy(given, wanted)
        right += (given.argmax(-1) == wanted).float().mean().item() / len(heads)
    return loss, right
