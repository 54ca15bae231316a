"""The engine that a notebook uses where none is named: one for the whole kernel, made when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from sd_core.requests import ControlKind
from sd_core.schedulers import SCHEDULERS

if TYPE_CHECKING:
    from sd_core.backend import Backend
    from sd_core.engine import Engine

    from .editors import NameSuggestions

_engine_lock = threading.Lock()


def default_engine() -> Engine:
    """The kernel's own engine; imports torch on the first call, from whichever thread."""
    with _engine_lock:
        return _engine()


@cache
def _engine() -> Engine:
    from sd_core.engine import Engine

    return Engine()


def name_suggestions(engine: Backend) -> NameSuggestions:
    """What can be named in a request, by field, or by part and field; those models first that are there."""
    models = sorted(engine.models(), key=lambda model: not model.present)
    known = [controlnet for model in models for controlnet in model.controlnets if controlnet.name]
    return {
        "model": tuple(model.name for model in models),
        "controlnet": _unique(each.name for each in known if each.kind == ControlKind.DEPTH),
        "Control.model": _unique(each.name for each in known),
        "Lora.path": tuple(lora.name for lora in engine.loras()),
        "scheduler": tuple(SCHEDULERS),
    }


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
