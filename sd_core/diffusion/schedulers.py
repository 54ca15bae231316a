"""Short scheduler names and the diffusers classes that they stand for: the only such table."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import diffusers
from diffusers import SchedulerMixin

from sd_core.errors import ModelMismatch, RequestError


@dataclass(frozen=True, slots=True)
class SchedulerEntry:
    """A diffusers scheduler class and the options that make the named variant of it."""

    class_name: str
    options: Mapping[str, Any] = field(default_factory=dict)


_KARRAS = {"use_karras_sigmas": True}
_SDE = {"algorithm_type": "sde-dpmsolver++"}
# What the class sets by itself, with a warning, where a run ends at zero noise.
_SINGLE = {"lower_order_final": True}

SCHEDULERS: Mapping[str, SchedulerEntry] = {
    "ddim": SchedulerEntry("DDIMScheduler"),
    "ddpm": SchedulerEntry("DDPMScheduler"),
    "deis": SchedulerEntry("DEISMultistepScheduler"),
    "dpm2": SchedulerEntry("KDPM2DiscreteScheduler"),
    "dpm2_ancestral": SchedulerEntry("KDPM2AncestralDiscreteScheduler"),
    "dpm2_karras": SchedulerEntry("KDPM2DiscreteScheduler", _KARRAS),
    "dpmpp_2m": SchedulerEntry("DPMSolverMultistepScheduler"),
    "dpmpp_2m_karras": SchedulerEntry("DPMSolverMultistepScheduler", _KARRAS),
    "dpmpp_2m_sde": SchedulerEntry("DPMSolverMultistepScheduler", _SDE),
    "dpmpp_2m_sde_karras": SchedulerEntry("DPMSolverMultistepScheduler", _SDE | _KARRAS),
    "dpmpp_2s": SchedulerEntry("DPMSolverSinglestepScheduler", _SINGLE),
    "dpmpp_2s_karras": SchedulerEntry("DPMSolverSinglestepScheduler", _SINGLE | _KARRAS),
    "euler": SchedulerEntry("EulerDiscreteScheduler"),
    "euler_ancestral": SchedulerEntry("EulerAncestralDiscreteScheduler"),
    "euler_karras": SchedulerEntry("EulerDiscreteScheduler", _KARRAS),
    "euler_trailing": SchedulerEntry("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "heun": SchedulerEntry("HeunDiscreteScheduler"),
    "heun_karras": SchedulerEntry("HeunDiscreteScheduler", _KARRAS),
    "lcm": SchedulerEntry("LCMScheduler"),
    "lms": SchedulerEntry("LMSDiscreteScheduler"),
    "lms_karras": SchedulerEntry("LMSDiscreteScheduler", _KARRAS),
    "pndm": SchedulerEntry("PNDMScheduler"),
    "sa_solver": SchedulerEntry("SASolverScheduler"),
    "tcd": SchedulerEntry("TCDScheduler"),
    "unipc": SchedulerEntry("UniPCMultistepScheduler"),
    "unipc_karras": SchedulerEntry("UniPCMultistepScheduler", _KARRAS),
}


def build_scheduler(base: SchedulerMixin, name: str | None) -> SchedulerMixin:
    """A fresh scheduler for one run: `base` itself (copied), or the named one made from its configuration.

    Raises:
        RequestError: no scheduler has this `name`.
        ModelMismatch: the scheduler cannot sample a model with zero terminal SNR (Lin et al. 2023, arXiv:2305.08891).
    """
    if name is None:
        return copy.deepcopy(base)
    entry = SCHEDULERS.get(name)
    if entry is None:
        raise RequestError("scheduler", f"no scheduler is called {name!r}", hint=f"use one of {', '.join(SCHEDULERS)}")
    scheduler_class = getattr(diffusers, entry.class_name)
    if base.config.get("rescale_betas_zero_snr") and not _accepts(scheduler_class, "rescale_betas_zero_snr"):
        served = ", ".join(n for n, e in SCHEDULERS.items() if _accepts(getattr(diffusers, e.class_name), _ZERO_SNR))
        raise ModelMismatch(
            f"the scheduler {name!r} cannot start from pure noise, as this model's zero terminal SNR demands",
            hint=f"use one of {served}",
        )
    return scheduler_class.from_config(base.config, **entry.options)


_ZERO_SNR = "rescale_betas_zero_snr"


def _accepts(scheduler_class: type[SchedulerMixin], option: str) -> bool:
    return option in inspect.signature(scheduler_class.__init__).parameters
