"""Where networks run and in which number format, with the reasons for every choice."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch

from .errors import RequestError

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_CGROUP_FILES = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"))


class Offload(StrEnum):
    """What leaves the accelerator between uses: nothing, or each network as a whole."""

    NONE = "none"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Device and number formats of a model.

    `dtype` holds for UNet, ControlNets and text encoders, `vae_dtype` for the autoencoder. `reasons` says, by field, why.
    """

    device: torch.device
    dtype: torch.dtype
    vae_dtype: torch.dtype
    channels_last: bool
    offload: Offload = Offload.NONE
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemoryState:
    """Memory of a device in bytes."""

    total: int
    free: int


def choose_placement(device: str = "auto", dtype: str = "auto") -> Placement:
    """The fastest placement that keeps the pictures right.

    Args:
        device: "auto" (CUDA, else MPS, else CPU), "cpu", "cuda", "cuda:1", "mps".
        dtype: "auto", "float32", "bfloat16" or "float16".

    Raises:
        RequestError: no such device on this machine, no such dtype, or a dtype that the device cannot compute in.
    """
    chosen, why_device = _choose_device(device)
    number, why_dtype = _choose_dtype(chosen, dtype)
    vae, why_vae = _choose_vae_dtype(chosen, number)
    reasons = {"device": why_device, "dtype": why_dtype, "vae_dtype": why_vae}
    # In float32 the other layout gains little and rounds otherwise than diffusers does: whoever asks for float32 wants its numbers.
    channels_last = chosen.type in ("cpu", "cuda") and number != torch.float32
    return Placement(device=chosen, dtype=number, vae_dtype=vae, channels_last=channels_last, reasons=reasons)


def memory(device: torch.device) -> MemoryState:
    """Total and free memory of `device`; for the CPU, within the limit of a container."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return MemoryState(total, free + _cached_bytes(device))
    if device.type == "mps":
        total = torch.mps.recommended_max_memory()
        return MemoryState(total, max(0, total - torch.mps.driver_allocated_memory()))
    return _host_memory()


def describe() -> dict[str, Any]:
    """Facts about this machine and its libraries, JSON-ready, for `sd-core doctor`."""
    from importlib.metadata import version

    from huggingface_hub.constants import HF_HUB_CACHE, is_offline_mode

    placement = choose_placement()
    state = memory(placement.device)
    libraries = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors", "huggingface_hub")
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "libraries": {name: version(name) for name in libraries},
        "devices": _devices(),
        "cpu": {"capability": torch.backends.cpu.get_cpu_capability(), "native_bfloat16": _cpu_has_bfloat16()},
        "threads": torch.get_num_threads(),
        "placement": _describe_placement(placement),
        "memory": {"total": state.total, "free": state.free},
        "hub": {"cache": HF_HUB_CACHE, "offline": is_offline_mode()},
    }


def _choose_device(name: str) -> tuple[torch.device, str]:
    if name == "auto":
        return _best_device()
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise RequestError("device", f"unknown device {name!r}", hint=f"use one of {_device_names()}") from error
    counts = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= counts.get(device.type, 0):
        raise RequestError("device", f"this machine has no {name!r}", hint=f"use one of {_device_names()}")
    return device, "asked for"


def _best_device() -> tuple[torch.device, str]:
    if torch.cuda.is_available():
        return torch.device("cuda", 0), "CUDA is available"
    if torch.backends.mps.is_available():
        return torch.device("mps"), "Metal is available"
    return torch.device("cpu"), "neither CUDA nor Metal is available"


def _choose_dtype(device: torch.device, name: str) -> tuple[torch.dtype, str]:
    if name == "auto":
        return _best_dtype(device)
    if name not in _DTYPES:
        raise RequestError("dtype", f"unknown dtype {name!r}", hint=f"use auto, {', '.join(_DTYPES)}")
    if device.type == "cpu" and name == "float16":
        raise RequestError("dtype", "float16 is slow and incomplete on CPUs", hint="use bfloat16 or float32")
    return _DTYPES[name], "asked for"


def _best_dtype(device: torch.device) -> tuple[torch.dtype, str]:
    if device.type == "cuda":
        return torch.float16, "half precision is fast on CUDA, and float16 keeps three bits more than bfloat16"
    if device.type == "mps":
        return torch.float16, "float16 is the fast format of Metal"
    if _cpu_has_bfloat16():
        return torch.bfloat16, "this CPU multiplies bfloat16 natively (AMX or AVX512-BF16)"
    return torch.float32, "this CPU has no native bfloat16"


def _choose_vae_dtype(device: torch.device, dtype: torch.dtype) -> tuple[torch.dtype, str]:
    """Autoencoders overflow float16 (SDXL's always does); bfloat16 has the range of float32."""
    if dtype is not torch.float16:
        return dtype, "same as dtype"
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16, "the autoencoder overflows float16"
    return torch.float32, "the autoencoder overflows float16, and this device has no fast bfloat16"


def _cpu_has_bfloat16() -> bool:
    # torch has no public query for instructions; mkldnn's own says yes to slow emulation as well.
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001


def _cached_bytes(device: torch.device) -> int:
    return torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def _host_memory() -> MemoryState:
    import psutil

    machine = psutil.virtual_memory()
    limit, used = (_read_bytes(path) for path in _CGROUP_FILES)
    if limit is None or used is None or limit >= machine.total:
        return MemoryState(machine.total, machine.available)
    return MemoryState(limit, min(machine.available, max(0, limit - used)))


def _read_bytes(path: Path) -> int | None:
    text = path.read_text().strip() if os.access(path, os.R_OK) else "max"
    return int(text) if text.isdigit() else None


def _devices() -> list[str]:
    cuda = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def _device_names() -> str:
    return ", ".join(name.split(" ")[0] for name in _devices())


def _describe_placement(placement: Placement) -> dict[str, Any]:
    return {
        "device": str(placement.device),
        "dtype": str(placement.dtype).removeprefix("torch."),
        "vae_dtype": str(placement.vae_dtype).removeprefix("torch."),
        "channels_last": placement.channels_last,
        "offload": str(placement.offload),
        "reasons": dict(placement.reasons),
    }
