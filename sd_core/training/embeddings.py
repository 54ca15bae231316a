"""Captions as the UNet reads them: embedded once, by a text encoder that is no longer trained."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from sd_core.files import whole_file
from sd_core.training.captions import token_ids
from sd_core.training.images import Images

CHUNK = 64
EMPTY = ""


def distinct_captions(images: Sequence[Images]) -> list[str]:
    """The empty caption and every caption of `images`, each once, in an order of its own."""
    return sorted({EMPTY, *(caption for bucket in images for label in bucket.labels for caption in label["captions"])})


def cache_embeddings(
    text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, captions: Sequence[str], path: Path
) -> Iterator[tuple[int, int]]:
    """Write (n, 77, d) float16 embeddings of `captions` to `path` unless it is there; yields (done, count)."""
    if path.exists():
        return
    shape = (len(captions), tokenizer.model_max_length, text_encoder.config.hidden_size)
    with whole_file(path) as temporary:
        values = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float16, shape=shape)
        for start in range(0, len(captions), CHUNK):
            ids = token_ids(tokenizer, captions[start : start + CHUNK], full=True)
            values[start : start + CHUNK] = _embed(text_encoder, ids).half().numpy()
            yield min(start + CHUNK, len(captions)), len(captions)
        values.flush()
        del values  # Windows renames no file that is mapped


@dataclass(frozen=True, slots=True)
class CaptionReader:
    """A frozen text encoder that knows its captions by heart, and reads only what is new to it."""

    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    rows: dict[str, int]
    values: NDArray[np.float16]

    @classmethod
    def open(
        cls, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, captions: Sequence[str], path: Path
    ) -> "CaptionReader":
        """A reader of what `cache_embeddings` wrote for the same captions."""
        places = {caption: row for row, caption in enumerate(captions)}
        return cls(
            text_encoder.requires_grad_(False), tokenizer, places, np.load(path, mmap_mode="r", allow_pickle=False)
        )

    def read(self, captions: Sequence[str], *, full: bool) -> Tensor:
        """(b, t, d) float32 embeddings, t as `token_ids` pads.

        CLIP's text encoder is causal: what stands at the first t places does not depend on the padding after them.
        """
        ids = token_ids(self.tokenizer, captions, full=full)
        embeddings = torch.empty(*ids.shape, self.values.shape[-1])
        new = [row for row, caption in enumerate(captions) if caption not in self.rows]
        if new:
            embeddings[new] = _embed(self.text_encoder, ids[new])
        for row, caption in enumerate(captions):
            if caption in self.rows:
                known = self.values[self.rows[caption], : ids.shape[1]].astype(np.float32)
                embeddings[row] = torch.from_numpy(known)
        return embeddings


@torch.inference_mode()
def _embed(text_encoder: CLIPTextModel, ids: Tensor) -> Tensor:
    return text_encoder(ids)[0]
