"""Requests with every open field filled in, and checked against the model that is to run them."""

from __future__ import annotations

import secrets
from typing import Any, TypeVar

import numpy as np
from diffusers import SchedulerMixin

from sd_core.diffusion.latents import latent_scale
from sd_core.diffusion.seamless import check_wraps
from sd_core.error_codes import ErrorCode
from sd_core.errors import ModelMismatch, RequestError
from sd_core.models import Model, UNetInput
from sd_core.passes import finite_range
from sd_core.requests import DepthToImage, MapEstimator, Request, Seamless, SeamlessMethod, Texture, replace
from sd_core.requests.generation import MAX_SEED, Generation
from sd_core.requests.resolved import size_of
from sd_core.schedulers import SCHEDULERS

G = TypeVar("G", bound=Generation)

_OPEN = (
    "width", "height", "num_inference_steps", "guidance_scale", "scheduler", "seed", "model", "depth_range",
    "estimator",
)  # fmt: skip
"""Fields that are filled in where a request leaves them open."""


def resolve(request: G, model: Model) -> G:
    """`request` with the model's defaults in place of every `None`, and a seed.

    Raises:
        RequestError: a seamless picture of a size that cannot wrap.
    """
    height, width = _size(request, model)
    defaults = model.defaults
    open_fields: dict[str, Any] = {
        "width": width,
        "height": height,
        "num_inference_steps": defaults.num_inference_steps,
        "guidance_scale": defaults.guidance_scale,
        "scheduler": defaults.scheduler or scheduler_name(model.scheduler),
        "seed": secrets.randbelow(MAX_SEED + 2 - request.num_images),
        "model": model.name,
    }
    if isinstance(request, DepthToImage) and request.depth.dtype != np.uint8:
        open_fields["depth_range"] = finite_range(request.depth)
    if isinstance(request, Texture):
        open_fields["estimator"] = MapEstimator.BUILTIN
    resolved = replace(request, **{name: v for name, v in open_fields.items() if getattr(request, name) is None})
    _check_seamless(resolved, model)
    return resolved


def resume_request(asked: G, noted: Request, model: Model) -> G:
    """The resolved request that an output folder notes, if it is `asked` with its open fields filled in.

    A folder may be somebody else's: its notes choose no model and no file.

    Args:
        asked: as it was asked now.
        noted: as the folder has it.
        model: that runs `asked`.

    Raises:
        RequestError: the folder notes something else.
    """
    fill = {name: getattr(noted, name, None) for name in _OPEN if getattr(asked, name, 0) is None}
    if "model" in fill and fill["model"] != model.name:
        begun = f"was begun with the model {fill['model']!r}, which this run would not use"
        raise RequestError(
            "resume", begun, hint="name it in the request, or use another folder", code=ErrorCode.CANNOT_RESUME
        )
    if replace(asked, **fill) != noted:
        raise RequestError(
            "resume",
            "finds notes that do not belong to this request",
            hint="use another folder",
            code=ErrorCode.CANNOT_RESUME,
        )
    return replace(asked, **fill)


def scheduler_name(scheduler: SchedulerMixin) -> str | None:
    """The short name under which a checkpoint's own scheduler can be asked for; None if the table has none for it."""
    for name, entry in SCHEDULERS.items():
        if entry.class_name != type(scheduler).__name__:
            continue
        if all(scheduler.config.get(option) == value for option, value in entry.options.items()):
            return name
    return None


def demand_unet_input(model: Model, needed: UNetInput, request: Generation) -> None:
    """Refuse a task that the model's UNet has too many or too few input channels for.

    Raises:
        ModelMismatch: names the requests that the model can run.
    """
    if model.unet_input is needed:
        return
    runs = {UNetInput.TEXT: "any request", UNetInput.DEPTH: "DepthToImage", UNetInput.INPAINT: "Inpaint"}
    raise ModelMismatch(
        f"{model.name} cannot run {type(request).__name__}: its UNet reads {_READS[model.unet_input]}",
        hint=f"use it for {runs[model.unet_input]}, or name another model",
    )


_READS = {
    UNetInput.TEXT: "latents alone",
    UNetInput.DEPTH: "latents and depth",
    UNetInput.INPAINT: "latents, a mask and a masked picture",
}


def _size(request: Generation, model: Model) -> tuple[int, int]:
    if request.size is not None:
        return request.size
    return request.height or model.defaults.height, request.width or model.defaults.width


def _check_seamless(request: Generation, model: Model) -> None:
    if request.seamless is Seamless.NONE:
        return
    scale = latent_scale(model)
    if request.seamless_method is SeamlessMethod.PADDING:
        levels = len(model.unet.config.block_out_channels)
        check_wraps(size_of(request), request.seamless, 2 ** (levels - 1), scale)
    if min(size_of(request)) < 2 * scale:
        raise RequestError("width", f"a seamless picture needs at least {2 * scale} px a side", hint="make it larger")
