"""The controls of a request: their networks, loaded and given their pictures."""

from __future__ import annotations

import numpy as np
from diffusers import T2IAdapter
from numpy.typing import NDArray

from sd_core.diffusion.control import ActiveControl
from sd_core.diffusion.images import to_unit_pixels
from sd_core.errors import RequestError
from sd_core.models import ControlNetwork
from sd_core.requests import DepthToImage, Generation

from .plan import TaskEnv
from .resolve import size_of


def controls_of(request: Generation, env: TaskEnv) -> tuple[ActiveControl, ...]:
    """Every control of a resolved request.

    Raises:
        RequestError: a control picture is not of the picture's size, or that does not suit a T2I-Adapter.
        ModelNotFound, ModelMismatch: a ControlNet or T2I-Adapter is missing, or of another family.
    """
    height, width = size_of(request)
    active: list[ActiveControl] = []
    for i, control in enumerate(request.controls):
        if control.image.shape[:2] != (height, width):
            got = f"{control.image.shape[1]}x{control.image.shape[0]}"
            hint = f"resize it to {width}x{height}, or set width and height to its size"
            raise RequestError(f"controls[{i}].image", f"is {got}, the picture {width}x{height}", hint=hint)
        network = env.context.control_network(control.model, str(control.kind), env.model)
        _check_size(network, (height, width))
        hint_pixels = to_unit_pixels(control.image).to(env.device)
        active.append(ActiveControl(network, hint_pixels, control.scale, control.start, control.end))
    return tuple(active)


def depth_control_of(request: DepthToImage, picture: NDArray[np.float32], env: TaskEnv) -> ActiveControl:
    """The control that a depth picture (h, w) in [0, 1] stands for.

    Raises:
        RequestError, ModelNotFound, ModelMismatch: see `controls_of`.
    """
    network = env.context.control_network(request.controlnet, "depth", env.model)
    _check_size(network, size_of(request))
    hint = to_unit_pixels(picture).to(env.device)
    return ActiveControl(network, hint, request.controlnet_conditioning_scale, 0.0, 1.0)


def _check_size(network: ControlNetwork, size: tuple[int, int]) -> None:
    """A T2I-Adapter begins with cells of whole pixels: of 8 for most, which all pictures have, of 16 for SDXL."""
    if not isinstance(network, T2IAdapter):
        return
    multiple = int(network.downscale_factor)
    for field, pixels in (("height", size[0]), ("width", size[1])):
        if pixels % multiple:
            lower = max(pixels // multiple, 1) * multiple
            message = f"must be a multiple of {multiple} for this T2I-Adapter, got {pixels}"
            raise RequestError(field, message, hint=f"use {lower} or {lower + multiple}, or a ControlNet")
