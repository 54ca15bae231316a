"""Everything that a request adds to a model, on it for the length of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from sd_core.requests import ImagePrompt, Lora

from .image_prompts import Adapted, image_prompt_weights
from .loras import lora_weights
from .model import Model


@contextmanager
def with_adapters(model: Model, loras: Sequence[Lora], image_prompt: ImagePrompt | None) -> Iterator[Adapted]:
    """The model with LoRAs, textual inversions and a picture prompt; bit for bit as before afterwards, also after an error.

    Raises:
        ModelNotFound: files are missing.
        ModelMismatch: a damaged file, or one made for another family.
    """
    picture = nullcontext() if image_prompt is None else image_prompt_weights(model, image_prompt)
    with picture, lora_weights(model, loras):
        yield Adapted(model, None if image_prompt is None else image_prompt.image)
