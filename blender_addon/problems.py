# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about an error: the button that the panel draws next to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sd_core.error_codes import ErrorCode
from sd_core.errors import ModelNotFound, SDError


@dataclass(frozen=True, slots=True)
class Fix:
    """A button: operator, label and the operator's properties."""

    operator: str
    label: str
    settings: dict[str, Any] = field(default_factory=dict)


_PREFERENCES = Fix("sdcore.open_preferences", "Open Preferences")
_START = Fix("sdcore.start_server", "Start Server")
_DEFAULT_MODEL = Fix("sdcore.use_default_model", "Use the Default Model")

_FIXES: Mapping[ErrorCode, Fix] = MappingProxyType(
    {
        ErrorCode.SIZE_NOT_MULTIPLE_OF_8: Fix("sdcore.set_pad", "Pad to Multiples of 8"),
        ErrorCode.MASK_UNUSABLE: Fix("sdcore.new_mask", "New Mask"),
        ErrorCode.SURFACE_MASK_UNUSABLE: Fix("sdcore.paint_mask", "Paint Mask"),
        ErrorCode.REGION_EMPTY: Fix("sdcore.select_region", "Select Region"),
        ErrorCode.NOT_ALLOWED: Fix("sdcore.allow_names", "Allow These Models ..."),
        ErrorCode.OUT_OF_MEMORY: Fix("sdcore.free_memory", "Free Memory"),
        ErrorCode.MODEL_NOT_FOUND: _DEFAULT_MODEL,
        ErrorCode.MODEL_MISMATCH: _DEFAULT_MODEL,
        ErrorCode.ENGINE_DIED: _START,
        ErrorCode.SERVER_UNREACHABLE: _START,
        ErrorCode.SERVER_NOT_INSTALLED: _PREFERENCES,
        ErrorCode.NETWORK_NOT_ALLOWED: _PREFERENCES,
        ErrorCode.SERVER_TOKEN: Fix("sdcore.open_preferences", "Enter the Token"),
    }
)


def fix_of(error: SDError) -> Fix | None:
    """The repair for an error; None where only the user can know."""
    if isinstance(error, ModelNotFound) and error.code is ErrorCode.LORA_NOT_FOUND:
        return Fix("sdcore.remove_lora", "Remove LoRA", {"path": error.name})
    return _FIXES.get(error.code)
