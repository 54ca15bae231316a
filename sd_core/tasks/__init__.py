"""One short module per kind of request: each a composition of the parts in `sd_core.diffusion`.

A task is imported when it is run: correcting a picture needs no torch, only a mesh needs Embree and trimesh.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sd_core.requests import Request, kind_of
from sd_core.results import Result

if TYPE_CHECKING:
    from .plan import Context


def run_request(request: Request, context: Context, *, keep_latents: bool = False) -> Result:
    """Run any request, by the task that its kind is registered with.

    Args:
        request: what to make.
        context: the engine's caches, and where events go.
        keep_latents: return the final latents besides the images.

    Raises:
        SDError: see `sd_core.errors`.
    """
    task = import_module(f"{__name__}.{kind_of(request).task}")
    return task.run(request, context, keep_latents=keep_latents)


__all__ = ["run_request"]
