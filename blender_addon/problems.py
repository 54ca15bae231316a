# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about an error: the button that the panel draws beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sd_core.errors import (
    EngineDied,
    ModelMismatch,
    ModelNotFound,
    NotAllowed,
    OutOfMemory,
    RequestError,
    SDError,
    ServerError,
)


@dataclass(frozen=True, slots=True)
class Fix:
    """A button: operator, label and the operator's properties."""

    operator: str
    label: str
    settings: dict[str, Any] = field(default_factory=dict)


_PAD = Fix("sdcore.set_pad", "Pad to Multiples of 8")

_REQUESTS = {
    "image": _PAD,
    "expand": _PAD,
    "mask": Fix("sdcore.new_mask", "New Mask"),
    "region": Fix("sdcore.select_region", "Select Region"),
}
"""Repairs by field of the request."""


def fix_of(error: SDError) -> Fix | None:
    """The repair for an error; None where only the user can know."""
    match error:
        case RequestError():
            return _request_fix(error)
        case ServerError(status=0) | EngineDied():
            return _server_fix(error)
        case ServerError(status=401):
            return Fix("sdcore.open_preferences", "Enter the Token")
        case OutOfMemory():
            return Fix("sdcore.free_memory", "Free Memory")
        case ModelNotFound() | ModelMismatch():
            return _model_fix(error)
    return None


def _request_fix(error: RequestError) -> Fix | None:
    if isinstance(error, NotAllowed):
        return Fix("sdcore.allow_names", "Allow ...")
    if error.field == "mask" and "surface" in error.message:
        return Fix("sdcore.paint_mask", "Paint Mask")
    fix = _REQUESTS.get(error.field)
    return fix if fix is not _PAD or "multiples of" in error.message else None


def _model_fix(error: ModelNotFound | ModelMismatch) -> Fix:
    if isinstance(error, ModelNotFound) and "LoRA folder" in error.message:
        return Fix("sdcore.remove_lora", "Remove LoRA", {"path": error.name})
    return Fix("sdcore.use_default_model", "Use the Default Model")


def _server_fix(error: SDError) -> Fix:
    if "Python" in error.message or "network" in error.message:
        return Fix("sdcore.open_preferences", "Open Preferences")
    return Fix("sdcore.start_server", "Start Server")
