"""diffusers' schedulers by the short names of `sd_core.schedulers`."""

from __future__ import annotations

import copy
import inspect

import diffusers
from diffusers import SchedulerMixin

from sd_core.errors import ModelMismatch, RequestError
from sd_core.schedulers import SCHEDULERS


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
