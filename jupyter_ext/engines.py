"""The engine that a notebook uses where none is named: one for the whole kernel, made when it is first needed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sd_core.engine import Engine

    from .jobs import AnyEngine

_making = threading.Lock()


def default_engine() -> Engine:
    """The kernel's own engine; imports torch on the first call, from whichever thread."""
    with _making:
        return _engine()


@cache
def _engine() -> Engine:
    from sd_core.engine import Engine

    return Engine()


def names_of(engine: AnyEngine) -> Mapping[str, tuple[str, ...]]:
    """What can be named in a request, by field; those models first that are there. The path is that of a LoRA.

    The names of schedulers come with torch, so a notebook that only talks to a server goes without them.
    """
    models = sorted(engine.models(), key=lambda model: not model.present)
    names = {"model": tuple(model.name for model in models), "path": tuple(lora.name for lora in engine.loras())}
    if "sd_core.engine" in sys.modules:
        from sd_core.diffusion.schedulers import SCHEDULERS

        names["scheduler"] = tuple(SCHEDULERS)
    return names
