"""Teaching the text encoder to read, before the UNet learns to draw what it says.

Trained through the UNet alone, the encoder learns next to nothing for thousands of steps: a caption says little about the
noise of one picture. Asked for the words' meaning itself, it reads nearly every caption after a few minutes.

Asked for no more than that, it learns pairs of words by heart, and takes a pair that it has never read for one that it has. So
it is also asked for the material where the colour's words have been exchanged for any others, and the other way round; and its
answers are disturbed by noise, which only an embedding survives that gives every question room of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from sd_core.training.captions import ends_of_captions, exchange_words, token_ids
from sd_core.training.config import TrainConfig
from sd_core.training.data import vocabulary, words
from sd_core.training.images import Label
from sd_core.training.loop import learning_rate

WEIGHT_DECAY = 0.05
NOISE = 1.2
"""Standard deviation of what is added to embeddings before they are asked; their own is about 1."""
EXCHANGED = (0.45, 0.3)
"""Shares of captions whose colour, and whose material, is exchanged and not asked for."""
MENTION_WEIGHT = 8.0
"""Weight of the mean over all things that a caption may mention, most of which it does not; each other question has 1."""

Names = frozenset[str]


def learn_to_read(
    text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, labels: Sequence[Label], config: TrainConfig
) -> Iterator[float]:
    """Train `text_encoder` in place to name what captions say; it is left in evaluation mode.

    Material, colour, kind, and which modifiers and shapes are mentioned are asked of the end of the caption and of the
    padding after it, which see all of it, by linear heads that are then dropped.

    Yields:
        The share of right answers about material, colour and kind in every step, 0 to 1, before it learns from them.
    """
    questions = Questions(labels)
    heads = questions.heads(text_encoder.config.hidden_size)
    parameters = [*text_encoder.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, betas=(0.9, 0.99), weight_decay=WEIGHT_DECAY)
    text_encoder.train()
    for step in range(config.steps):
        optimiser.param_groups[0]["lr"] = learning_rate(config, step)
        rng = np.random.default_rng((config.seed, step))
        batch = questions.draw(rng, config.batch)
        ids = token_ids(tokenizer, batch.captions, full=False)
        hidden = text_encoder(ids)[0]
        ends = ends_of_captions(tokenizer, ids)
        noise = torch.from_numpy(rng.standard_normal(hidden.shape, np.float32))
        loss, right = batch.question_loss(heads, hidden + NOISE * noise, ends)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        yield right
    text_encoder.eval()


@dataclass(frozen=True, slots=True)
class QuestionBatch:
    """Captions with the right answers."""

    captions: list[str]
    answers: Tensor
    """(b, 3) numbers of material, colour and kind; -1 where they are not asked for."""
    mentions: Tensor
    """(b, m) 1 where a modifier or a shape is mentioned, else 0."""

    def question_loss(self, heads: nn.ModuleList, hidden: Tensor, ends: Tensor) -> tuple[Tensor, float]:
        """The summed loss of all questions, a scalar, and the share of right answers; hidden: (b, t, d), ends: (b, t)."""
        *choices, mention = heads
        said = self.mentions[:, None].expand(-1, ends.shape[1], -1)[ends]
        loss, right = MENTION_WEIGHT * F.binary_cross_entropy_with_logits(mention(hidden[ends]), said), 0.0
        for head, answer in zip(choices, self.answers.unbind(1), strict=True):
            asked = ends & (answer >= 0)[:, None]
            if not asked.any():
                continue
            given, wanted = head(hidden[asked]), answer[:, None].expand_as(ends)[asked]
            loss = loss + F.cross_entropy(given, wanted)
            right += (given.argmax(-1) == wanted).float().mean().item() / len(choices)
        return loss, right


class Questions:
    """What can be asked of the captions of `labels`, and the right answers as numbers."""

    def __init__(self, labels: Sequence[Label]) -> None:
        said = [(label["material"], label["colour"], label["kind"]) for label in labels]
        self._labels = labels
        self._names = [sorted(set(values)) for values in zip(*said, strict=True)]
        self._materials = {str(m): _words(n, a) for m, n, a in _materials()}
        self._colours = {str(colour): _words(said) for colour, said in words.COLOUR_WORDS.items()}
        named = frozenset().union(*self._materials.values(), *self._colours.values())
        self._other_words = sorted(vocabulary() - named)
        self._things = [_words(said) for said in words.MODIFIER_WORDS.values()]
        self._things += [_words(*said) for said in words.SHAPE_WORDS.values()]

    def heads(self, width: int) -> nn.ModuleList:
        """One linear head for each question, the mentions last."""
        return nn.ModuleList(nn.Linear(width, n) for n in (*map(len, self._names), len(self._things)))

    def draw(self, rng: np.random.Generator, count: int) -> QuestionBatch:
        """`count` captions, in some of which the colour or the material is not what it was, and then not asked for."""
        captions, answers = [], []
        for index in rng.integers(len(self._labels), size=count):
            label = self._labels[index]
            caption, chance = str(rng.choice(label["captions"])), rng.random()
            right = [names.index(label[key]) for names, key in zip(self._names, _KEYS, strict=True)]
            if chance < EXCHANGED[0]:
                caption, right[1] = exchange_words(caption, self._colours[label["colour"]], self._other_words, rng), -1
            elif chance < sum(EXCHANGED):
                named = self._materials[label["material"]]
                caption, right[0] = exchange_words(caption, named, self._other_words, rng), -1
            captions.append(caption)
            answers.append(right)
        mentions = [[float(not things.isdisjoint(_words([said]))) for things in self._things] for said in captions]
        return QuestionBatch(captions, torch.tensor(answers), torch.tensor(mentions))


_KEYS = ("material", "colour", "kind")
_ARTICLES = frozenset({"a", "an"})


def _materials() -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    return ((m, words.MATERIAL_NOUNS[m], words.MATERIAL_ADJECTIVES[m]) for m in words.MATERIAL_NOUNS)


def _words(*texts: Sequence[str]) -> Names:
    """Every word of some phrases, without articles and commas."""
    return frozenset(word for said in texts for text in said for word in text.replace(",", " ").split()) - _ARTICLES
