"""Models: what there is, loading it through diffusers, and what can be added to it."""

from .adapters import Adapted, adapted
from .cache import ModelCache
from .catalogue import BUILTIN_FOLDER, CATALOGUE
from .controlnets import load_controlnet
from .listing import LoraInfo, ModelInfo, list_loras, list_models, pull_model, remove_model, show_model
from .loading import load_model
from .model import Defaults, Family, Model, UNetInput, parameter_bytes
from .vocabulary import unknown_words

__all__ = [
    "BUILTIN_FOLDER",
    "CATALOGUE",
    "Adapted",
    "Defaults",
    "Family",
    "LoraInfo",
    "Model",
    "ModelCache",
    "ModelInfo",
    "UNetInput",
    "adapted",
    "list_loras",
    "list_models",
    "load_controlnet",
    "load_model",
    "parameter_bytes",
    "pull_model",
    "remove_model",
    "show_model",
    "unknown_words",
]
