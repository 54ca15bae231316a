"""The Jupyter front end: `Studio()`, and the magics `%sd` and `%%sd` after `%load_ext jupyter_ext`.

Names are imported when they are first used; torch only when an engine in this kernel is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .engines import default_engine
    from .jobs import StudioJob
    from .studio import Studio
    from .widgets import Canvas, DepthView, Gallery, Grid, Player, Preview, Shape, Tiling, Wipe

_MODULE_OF = {"Studio": "studio", "StudioJob": "jobs", "default_engine": "engines"} | dict.fromkeys(
    ("Canvas", "DepthView", "Gallery", "Grid", "Player", "Preview", "Shape", "Tiling", "Wipe"), "widgets"
)

__all__ = [
    "Canvas",
    "DepthView",
    "Gallery",
    "Grid",
    "Player",
    "Preview",
    "Shape",
    "Studio",
    "StudioJob",
    "Tiling",
    "Wipe",
    "default_engine",
    "load_ipython_extension",
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register `%sd` and `%%sd`: called by `%load_ext jupyter_ext`."""
    from .magics import SDMagics

    shell.register_magics(SDMagics(shell))


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        globals()[name] = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
