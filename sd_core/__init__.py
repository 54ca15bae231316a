"""One Stable Diffusion engine for Blender, Jupyter, the command line and HTTP.

Everything here but `Engine` works without torch, with NumPy and the standard library alone. Names are imported when they
are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .client import connect
    from .engine import Engine
    from .errors import (
        Cancelled,
        EngineDied,
        ModelMismatch,
        ModelNotFound,
        NotAllowed,
        OutOfMemory,
        OutputError,
        RequestError,
        SDError,
        ServerError,
    )
    from .events import (
        CancelledEvent,
        Event,
        EventKind,
        Failed,
        FrameEvent,
        Loading,
        Queued,
        ResultEvent,
        StepEvent,
    )
    from .metadata import load_request
    from .passes import Camera, FramePasses, read_exr
    from .requests import (
        Adjust,
        Animation,
        Control,
        DepthToImage,
        ImagePrompt,
        ImageToImage,
        Inpaint,
        Keyframe,
        Lora,
        Mesh,
        MeshTexture,
        PassName,
        Request,
        Reuse,
        TextToImage,
        Texture,
        Upscale,
        apply_style,
        from_json,
        replace,
        styles,
    )
    from .results import Result
    from .values import load_array

__all__ = [
    "Adjust",
    "Animation",
    "Camera",
    "Cancelled",
    "CancelledEvent",
    "Control",
    "DepthToImage",
    "Engine",
    "EngineDied",
    "Event",
    "EventKind",
    "Failed",
    "FrameEvent",
    "FramePasses",
    "ImagePrompt",
    "ImageToImage",
    "Inpaint",
    "Keyframe",
    "Loading",
    "Lora",
    "Mesh",
    "MeshTexture",
    "ModelMismatch",
    "ModelNotFound",
    "NotAllowed",
    "OutOfMemory",
    "OutputError",
    "PassName",
    "Queued",
    "Request",
    "RequestError",
    "Result",
    "ResultEvent",
    "Reuse",
    "SDError",
    "ServerError",
    "StepEvent",
    "TextToImage",
    "Texture",
    "Upscale",
    "__version__",
    "apply_style",
    "connect",
    "from_json",
    "load_array",
    "load_request",
    "read_exr",
    "replace",
    "styles",
]

_MODULES = ("errors", "requests", "passes", "values", "results", "events", "metadata", "client", "engine")
"""Where the names live, the cheapest to import first; only `engine` needs torch."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    homes = (import_module(f".{home}", __name__) for home in _MODULES if name in __all__)
    for home in homes:
        if hasattr(home, name):
            globals()[name] = getattr(home, name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_MODULES]
