"""The other side of the equality tests: diffusers' own pipelines, built from the same folders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import ControlNetModel, DiffusionPipeline, SchedulerMixin

from tests.tiny import FAMILY, TinyKind

HEIGHT, WIDTH = 64, 96
"""Sides of the compared pictures, px; unequal, so that no mix-up of the two goes unseen."""

PROMPT = "a red brick wall by the sea"
NEGATIVE = "blur"

SCHEDULERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2_ancestral": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpm2_karras": ("KDPM2DiscreteScheduler", {"use_karras_sigmas": True}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "dpmpp_2m_sde_karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", {}),
    "dpmpp_2s_karras": ("DPMSolverSinglestepScheduler", {"use_karras_sigmas": True}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_ancestral": ("EulerAncestralDiscreteScheduler", {}),
    "euler_karras": ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
    "euler_trailing": ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "heun": ("HeunDiscreteScheduler", {}),
    "heun_karras": ("HeunDiscreteScheduler", {"use_karras_sigmas": True}),
    "lcm": ("LCMScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "lms_karras": ("LMSDiscreteScheduler", {"use_karras_sigmas": True}),
    "pndm": ("PNDMScheduler", {}),
    "sa_solver": ("SASolverScheduler", {}),
    "tcd": ("TCDScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "unipc_karras": ("UniPCMultistepScheduler", {"use_karras_sigmas": True}),
}
"""What each short name stands for, said here a second time so that the tests know it for themselves."""

FIVE = ("ddim", "euler", "euler_ancestral", "dpmpp_2m", "unipc")
"""Deterministic and stochastic, one step and several, variance preserving and exploding."""

SEVEN = (*FIVE, "heun", "lcm")
"""`FIVE`, one of second order and one for distilled models."""

_PREFIX = {"sd1": "StableDiffusion", "sd2": "StableDiffusion", "sdxl": "StableDiffusionXL"}


def pipeline_class(kind: TinyKind, task: str = "") -> type[DiffusionPipeline]:
    """diffusers' class for a family and a task, such as "Img2Img" or "ControlNetImg2Img"."""
    return getattr(diffusers, f"{_PREFIX[FAMILY[kind]]}{task}Pipeline")


def load_stock(
    cls: type[DiffusionPipeline], folder: Path, controlnets: tuple[Path, ...] = (), **parts: object
) -> DiffusionPipeline:
    """A stock pipeline read from `folder`, its scheduler as saved."""
    nets = [ControlNetModel.from_pretrained(path, local_files_only=True) for path in controlnets]
    if nets:
        parts["controlnet"] = nets[0] if len(nets) == 1 else nets
    if cls is diffusers.StableDiffusionDepth2ImgPipeline:
        parts |= {"depth_estimator": None, "feature_extractor": None}
    pipeline = cls.from_pretrained(folder, local_files_only=True, **parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@lru_cache(maxsize=8)
def stock(cls: type[DiffusionPipeline], folder: Path, controlnets: tuple[Path, ...] = ()) -> DiffusionPipeline:
    """`load_stock`, once for several tests; nobody may change the pipeline but for its scheduler."""
    return load_stock(cls, folder, controlnets)


def stock_scheduler(folder: Path, name: str) -> SchedulerMixin:
    """The scheduler `name` made by `from_config` from the saved one of a pipeline."""
    config = diffusers.DDIMScheduler.load_config(folder, subfolder="scheduler", local_files_only=True)
    class_name, options = SCHEDULERS[name]
    return getattr(diffusers, class_name).from_config(config, **options)


def stock_latents(pipeline: DiffusionPipeline, scheduler: SchedulerMixin, *, seed: int, **call: object) -> np.ndarray:
    """The final latents, (1, c, lh, lw) float32, of a stock pipeline's call with pictures as tensors."""
    pipeline.scheduler = scheduler
    generator = torch.Generator("cpu").manual_seed(seed)
    images = pipeline(generator=generator, output_type="latent", **call).images
    return images.detach().numpy()


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    """(h, w, 3) or (h, w) in [0, 1] as (1, c, h, w)."""
    planes = picture[..., None] if picture.ndim == 2 else picture
    return torch.from_numpy(planes.transpose(2, 0, 1)[None].copy())


def assert_same_latents(ours: np.ndarray | None, theirs: np.ndarray) -> None:
    """Both are (1, c, lh, lw) float32 and within 1e-5 of each other."""
    assert ours is not None and ours.dtype == np.float32
    assert np.isfinite(theirs).all()
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
