"""One short file per kind of request: each a composition of the parts in `sd_core.diffusion`.

They are imported when they are used: correcting a picture needs no torch, only a mesh needs Embree and trimesh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sd_core.errors import RequestError
from sd_core.requests import Adjust, Animation, Generation, MeshTexture, Request, Texture
from sd_core.results import Result

if TYPE_CHECKING:
    from .plan import Context


def run_request(request: Request, context: Context, *, keep_latents: bool = False) -> Result:
    """Run any request.

    Args:
        request: what to make.
        context: the engine's caches, and where events go.
        keep_latents: give the final latents back beside the images.

    Raises:
        SDError: see `sd_core.errors`.
    """
    if isinstance(request, Adjust):
        from .adjust import adjust

        return Result(images=[adjust(request)], request=request)
    if isinstance(request, MeshTexture):
        from .mesh_texture import mesh_texture

        return mesh_texture(request, context)
    if isinstance(request, Animation):
        from .animation.task import animation

        return animation(request, context)
    from .generate import generate

    if isinstance(request, Texture):
        from .texture import finish_texture

        return finish_texture(generate(request, context, keep_latents=keep_latents), context)
    if not isinstance(request, Generation):
        raise RequestError("type", f"{type(request).__name__} is no request", hint="make one of sd_core.requests")
    return generate(request, context, keep_latents=keep_latents)


__all__ = ["run_request"]
