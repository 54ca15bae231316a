"""diffusers and transformers, imported late and kept from talking over our own progress and messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.RLock()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Hold back progress bars and advice of diffusers and transformers; everything is as before afterwards.

    Among the advice is one line for every image processor that works without torchvision, which we do not need. Also torch's
    default number format is as before: diffusers sets it while it loads, and leaves it so where the loading fails.
    """
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    with _lock, _same_default_dtype(), _quiet(diffusers_logging), _quiet(transformers_logging):
        yield


@contextmanager
def _same_default_dtype() -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def pipeline_class(name: str) -> Any:
    """A pipeline class of diffusers, by name."""
    import diffusers

    with quiet_libraries():
        return getattr(diffusers, name)
