"""Inpainting, outpainting and object removal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from sd_core.diffusion.edits import KeepOutside
from sd_core.diffusion.images import to_array, to_mask, to_pixels
from sd_core.diffusion.latents import encode, latent_scale
from sd_core.diffusion.masks import binary, continue_patterns, feather, over_borders, paste, to_cells
from sd_core.diffusion.patch_join import join
from sd_core.diffusion.schedule import Schedule
from sd_core.errors import RequestError
from sd_core.models import UNetInput
from sd_core.requests import Fill, Inpaint
from sd_core.results import Result
from sd_core.values import unit_floats

from .controls import controls_of
from .generate import generate
from .image_to_image import keep_alpha
from .plan import BatchPlan, Context, Picture, TaskEnv
from .resolve import demand_unet_input, resolve
from .starts import noise_of, schedule_of

_BAND = 32.0
"""px over which a margin takes over the colours of the picture it continues: four latents, as far as the decoder mixes."""


def run(request: Inpaint, context: Context, *, keep_latents: bool = False) -> Result:
    """See `run_request`; where an object is removed nothing is denoised, so that there are no latents to keep."""
    if not is_removal(request):
        return generate(plan_inpaint, request, context, keep_latents=keep_latents)
    context.decisions["inpaint"] = "filled from the surroundings, nothing denoised: the prompt is empty"
    resolved = resolve(request, context.model(request.model))
    masked = _masked_picture(resolved)
    return Result(images=[masked.finish(to_array(masked.filled[0]))] * resolved.num_images, request=resolved)


def is_removal(request: Inpaint) -> bool:
    """Whether the surroundings alone are to fill the mask.

    At strength 1 denoising would throw them away, and with nothing to go by it paints some object.
    """
    unguided = not (request.prompt.strip() or request.controls or request.image_prompt)
    return unguided and request.fill is Fill.SURROUNDINGS and request.strength == 1


def plan_inpaint(request: Inpaint, env: TaskEnv) -> BatchPlan:
    """Repaint where the mask is 1: with a 9-channel UNet, or with any by holding the latents outside the mask.

    The order of the draws is that of diffusers' pipeline, so that the same seed gives the same picture.
    """
    if request.fill is Fill.NOISE and request.strength < 1:
        hint = 'use fill="original" or "surroundings", or strength 1'
        raise RequestError("fill", "noise under the mask leaves nothing for a strength below 1 to keep", hint=hint)
    canvas = _masked_picture(request)
    inpainting_model = env.model.unet_input is UNetInput.INPAINT
    if not inpainting_model:
        demand_unet_input(env.model, UNetInput.TEXT, request)
    schedule = schedule_of(request, env, request.strength)
    start = _start(request, canvas, schedule, env, needs_reference=not inpainting_model)
    cells = to_cells(canvas.mask, latent_scale(env.model)).to(env.device)
    shared = BatchPlan(
        schedule=schedule,
        latents=start.latents,
        controls=controls_of(request, env),
        scored=True,
        finish=canvas.finish,
    )
    if inpainting_model:
        return replace(shared, extra_channels=_inpainting_channels(canvas, cells, env))
    # diffusers draws for the masked picture here, and then does not use it; ancestral noise comes after.
    noise_of(env, (canvas.pixels.shape[-2], canvas.pixels.shape[-1]))
    assert start.reference is not None, "the latents outside the mask are kept at those of the picture"
    return replace(shared, edits=(KeepOutside(schedule, cells, start.reference, start.noise),))


@dataclass(frozen=True, slots=True)
class _MaskedPicture:
    """The picture to work on, grown for outpainting: `pixels` (1, 3, h, w), filled as asked; `mask` (1, 1, h, w), binary."""

    pixels: Tensor
    filled: Tensor
    mask: Tensor
    finish: Callable[[Picture], Picture]


@dataclass(frozen=True, slots=True)
class _StartLatents:
    latents: Tensor
    noise: Tensor
    reference: Tensor | None


def _masked_picture(request: Inpaint) -> _MaskedPicture:
    image, mask = _expand(request)
    free = over_borders(lambda m: feather(m, request.feather), request.seamless, binary(to_mask(mask)))
    hard = (free > 0).to(free.dtype) if request.feather else free
    pixels = to_pixels(image)
    filled = pixels
    if request.fill is Fill.SURROUNDINGS:
        filled = over_borders(continue_patterns, request.seamless, pixels, hard)
    base = np.rint(unit_floats(image[..., :3]) * 255).astype(np.uint8)
    soft, painted_where = free[0, 0].numpy(), hard[0, 0].numpy()
    with_alpha = keep_alpha(_opaque_where(image, painted_where))
    joins = any(request.expand) and request.feather == 0

    def finish(painted: Picture) -> Picture:
        joined = _join_border(base, painted, painted_where > 0) if joins else painted
        return with_alpha(paste(base, joined, soft))

    return _MaskedPicture(pixels, filled, hard, finish)


def _join_border(base: Picture, painted: Picture, mask: NDArray[np.bool_]) -> Picture:
    """The painted picture, whose colours within `_BAND` px of the kept part lead over to it: else its border is seen."""
    near = mask & (np.asarray(distance_transform_edt(mask)) <= _BAND)
    around = unit_floats(np.where(mask[..., None], painted, base))
    return np.rint(join(around, unit_floats(painted), near) * 255).astype(np.uint8)


def _start(
    request: Inpaint, masked: _MaskedPicture, schedule: Schedule, env: TaskEnv, *, needs_reference: bool
) -> _StartLatents:
    from_image = request.fill is not Fill.NOISE
    reference = None
    if needs_reference or from_image:
        reference = encode(env.model, masked.filled, env.generators)
    noise = noise_of(env, (masked.pixels.shape[-2], masked.pixels.shape[-1]))
    if reference is not None and from_image:
        return _StartLatents(schedule.noise_to(reference, noise, schedule.steps[0]), noise, reference)
    return _StartLatents(noise * schedule.init_noise_sigma, noise, reference)


def _inpainting_channels(canvas: _MaskedPicture, cells: Tensor, env: TaskEnv) -> Tensor:
    """Mask and masked picture, (b, 1 + c, lh, lw), which a 9-channel UNet reads with its latents."""
    masked = encode(env.model, canvas.pixels * (canvas.mask < 0.5), env.generators)
    return torch.cat([cells.expand(len(masked), -1, -1, -1), masked], dim=1)


def _expand(request: Inpaint) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Image and mask with the margins of `expand`: new pixels repeat the border and are to be painted."""
    left, top, right, bottom = request.expand
    margins = ((top, bottom), (left, right))
    image = np.pad(request.image, (*margins, (0, 0)), mode="edge")
    mask = np.zeros(request.image.shape[:2], np.float32) if request.mask is None else unit_floats(request.mask)
    return image, np.pad(mask, margins, constant_values=1.0)


def _opaque_where(image: NDArray[np.generic], painted: NDArray[np.float32]) -> NDArray[np.generic]:
    """What is painted is seen: its alpha becomes 1."""
    if image.shape[2] != 4:
        return image
    opaque = image.copy()
    opaque[..., 3] = np.where(painted > 0, 255 if image.dtype == np.uint8 else 1.0, image[..., 3])
    return opaque
