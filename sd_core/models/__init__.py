"""Models: what there is, loading it through diffusers, and what can be added to it.

Names are imported when they are first used: to list models needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapters import Adapted, with_adapters
    from .cache import ModelCache
    from .catalogue import BUILTIN_FOLDER, CATALOGUE
    from .controls import ControlNetwork, load_control_network
    from .listing import LoraInfo, ModelInfo, list_loras, list_models, pull_model, remove_model, show_model
    from .loading import load_model
    from .model import Defaults, Family, Model, UNetInput, parameter_bytes
    from .vocabulary import unknown_words

_MODULES = {
    "adapters": ("Adapted", "with_adapters"),
    "cache": ("ModelCache",),
    "catalogue": ("BUILTIN_FOLDER", "CATALOGUE"),
    "controls": ("ControlNetwork", "load_control_network"),
    "listing": (
        "LoraInfo", "ModelInfo", "list_loras", "list_models", "pull_model", "remove_model", "show_model",
    ),
    "loading": ("load_model",),
    "model": ("Defaults", "Family", "Model", "UNetInput", "parameter_bytes"),
    "vocabulary": ("unknown_words",),
}  # fmt: skip
"""The modules where the names live."""

__all__ = [
    "BUILTIN_FOLDER",
    "CATALOGUE",
    "Adapted",
    "ControlNetwork",
    "Defaults",
    "Family",
    "LoraInfo",
    "Model",
    "ModelCache",
    "ModelInfo",
    "UNetInput",
    "list_loras",
    "list_models",
    "load_control_network",
    "load_model",
    "parameter_bytes",
    "pull_model",
    "remove_model",
    "show_model",
    "unknown_words",
    "with_adapters",
]


def __getattr__(name: str) -> Any:
    for home, names in _MODULES.items():
        if name in names:
            globals()[name] = getattr(import_module(f".{home}", __name__), name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
