"""The catalogue, see `sd_core.catalogue`, and where the model that ships inside the package lies."""

from __future__ import annotations

from pathlib import Path

from sd_core.catalogue import (
    BUILTIN,
    CATALOGUE,
    CONTROLNETS,
    IMAGE_PROMPTS,
    WIDTHS,
    DistilledUNet,
    Entry,
    KnownAdapter,
    known_hub_ids,
)

BUILTIN_FOLDER = Path(__file__).parent / BUILTIN
"""The model that ships inside the package: a standard diffusers folder."""

__all__ = [
    "BUILTIN",
    "BUILTIN_FOLDER",
    "CATALOGUE",
    "CONTROLNETS",
    "IMAGE_PROMPTS",
    "WIDTHS",
    "DistilledUNet",
    "Entry",
    "KnownAdapter",
    "known_hub_ids",
]
