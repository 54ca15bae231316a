"""Short scheduler names and the diffusers classes that they stand for: the only such table. It needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
