"""How the edges of a seamless picture are made to meet: by which method, in which networks, and along which axes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from sd_core.diffusion.control import ActiveControl
from sd_core.diffusion.rolling import Rolling
from sd_core.diffusion.seamless import seamless
from sd_core.models import Model
from sd_core.requests import Generation, Seamless, SeamlessMethod, Upscale

from .plan import TaskEnv
from .tile_layout import untiled_axes


def seamless_axes(request: Generation, model: Model) -> Seamless:
    """The axes that the networks have to close; along the others of an `Upscale` its tiles do."""
    return untiled_axes(request, model) if isinstance(request, Upscale) else request.seamless


def rolling_of(request: Generation, env: TaskEnv) -> Rolling | None:
    """How the picture is moved under the UNet; None: not at all. Drawn apart from the noise, which stays as it is."""
    axes = seamless_axes(request, env.model)
    if request.seamless_method is not SeamlessMethod.ROLLING or axes is Seamless.NONE:
        return None
    return Rolling(axes, tuple(generator.initial_seed() for generator in env.generators))


def seamless_vae(request: Generation, model: Model) -> AbstractContextManager[None]:
    """The VAE of a seamless request, for as long as it encodes and decodes."""
    return seamless((model.vae,), seamless_axes(request, model))


def seamless_unet(request: Generation, model: Model, controls: Sequence[ActiveControl]) -> AbstractContextManager[None]:
    """The UNet of a seamless request and its control networks, while they predict; rolling does not change them."""
    if request.seamless_method is SeamlessMethod.ROLLING:
        return nullcontext()
    return seamless((model.unet, *(control.network for control in controls)), seamless_axes(request, model))
