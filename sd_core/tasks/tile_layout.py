"""How a picture that is enlarged is cut into tiles."""

from __future__ import annotations

from sd_core.diffusion.latents import latent_scale
from sd_core.diffusion.seamless import wraps_x, wraps_y
from sd_core.diffusion.tiles import Tiling, is_tiled
from sd_core.models import Model
from sd_core.requests import Seamless, Upscale
from sd_core.requests.resolved import size_of


def tiling_of(model: Model, seamless: Seamless) -> Tiling:
    """Tiles of the size that the model was trained on, a quarter of it shared with each neighbour."""
    tile = max(model.defaults.width, model.defaults.height) // latent_scale(model)
    return Tiling(tile, tile // 4, wraps_x(seamless), wraps_y(seamless))


def untiled_axes(request: Upscale, model: Model) -> Seamless:
    """The seamless axes that one tile covers whole; along the others the tiles themselves run over the border."""
    tiling, scale = tiling_of(model, request.seamless), latent_scale(model)
    height, width = size_of(request)
    x = tiling.wrap_x and not is_tiled(width // scale, tiling)
    y = tiling.wrap_y and not is_tiled(height // scale, tiling)
    return {(False, False): Seamless.NONE, (True, False): Seamless.X, (False, True): Seamless.Y}.get(
        (x, y), Seamless.XY
    )
