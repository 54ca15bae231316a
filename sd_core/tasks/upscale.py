"""Upscale: enlarge, then image to image in overlapping tiles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional

from sd_core.diffusion.images import to_array, to_pixels, to_unit_pixels
from sd_core.diffusion.seamless import wraps_x, wraps_y
from sd_core.models import UNetInput
from sd_core.requests import Seamless, Upscale
from sd_core.requests.resolved import size_of
from sd_core.results import Result
from sd_core.values import unit_floats

from .controls import controls_of
from .generate import generate
from .image_to_image import keep_alpha
from .plan import BatchPlan, Context, Picture, TaskEnv
from .resolve import demand_unet_input
from .starts import from_pixels, schedule_of
from .tile_layout import tiling_of

_BORDER = 8
"""Pixels that a bicubic kernel may look beyond the border."""

_TONES = 8.0
"""Standard deviation, in pixels of the picture that is enlarged, beyond which its tones stay."""


def run(request: Upscale, context: Context, *, keep_latents: bool = False) -> Result:
    """See `run_request`."""
    return generate(plan_upscale, request, context, keep_latents=keep_latents)


def plan_upscale(request: Upscale, env: TaskEnv) -> BatchPlan:
    """Enlarge bicubically and repaint detail at a low strength, tile by tile, in bounded memory; the tones stay."""
    demand_unet_input(env.model, UNetInput.TEXT, request)
    schedule = schedule_of(request, env, request.strength)
    tiling = tiling_of(env.model, request.seamless)
    large = _enlarge(to_pixels(request.image), size_of(request), request.seamless).clamp(-1, 1)
    return BatchPlan(
        schedule=schedule,
        latents=from_pixels(env, schedule, large, tiling),
        controls=controls_of(request, env),
        tiling=tiling,
        vae_tiling=tiling,
        scored=True,
        finish=_finish(request),
    )


def _enlarge(pixels: Tensor, size: tuple[int, int], seamless: Seamless) -> Tensor:
    """Bicubic, over the border where the picture tiles."""
    height, width = pixels.shape[-2:]
    border = min(_BORDER, height, width)
    pixels = functional.pad(pixels, (border, border, 0, 0), mode="circular" if wraps_x(seamless) else "replicate")
    pixels = functional.pad(pixels, (0, 0, border, border), mode="circular" if wraps_y(seamless) else "replicate")
    margin_y, margin_x = border * size[0] // height, border * size[1] // width
    padded = (size[0] + 2 * margin_y, size[1] + 2 * margin_x)
    large = functional.interpolate(pixels, size=padded, mode="bicubic", align_corners=False)
    return large[..., margin_y : margin_y + size[0], margin_x : margin_x + size[1]]


def _finish(request: Upscale) -> Callable[[Picture], Picture]:
    with_alpha = keep_alpha(_large_alpha(request))
    return lambda painted: with_alpha(_with_tones(request, painted))


def _with_tones(request: Upscale, painted: Picture) -> Picture:
    """A picture (h, w, 3) whose details are new and whose low frequencies are those of the picture that was enlarged.

    Tiles know nothing of each other's colours, and a prompt pulls all of them towards its own: StableSR (Wang et al.
    2023, arXiv:2305.07015) corrects colours in the same way.
    """
    source = to_unit_pixels(request.image)
    small = functional.interpolate(to_unit_pixels(painted), size=source.shape[-2:], mode="area")
    off = (source - small)[0].numpy()
    for axis, wraps in ((-2, wraps_y(request.seamless)), (-1, wraps_x(request.seamless))):
        off = np.asarray(gaussian_filter1d(off, _TONES, axis=axis, mode="wrap" if wraps else "nearest"))
    large = _enlarge(torch.from_numpy(off)[None], size_of(request), request.seamless)
    return to_array(((to_unit_pixels(painted) + large) * 2 - 1)[0])


def _large_alpha(request: Upscale) -> NDArray[np.generic] | None:
    image = request.image
    if image.shape[2] != 4:
        return None
    height, width = size_of(request)
    alpha = torch.from_numpy(unit_floats(image)[..., 3].copy())[None, None]
    large = _enlarge(alpha, (height, width), request.seamless).clamp(0, 1)[0, 0].numpy()
    return np.concatenate([np.zeros((height, width, 3), np.float32), large[..., None]], axis=2)
