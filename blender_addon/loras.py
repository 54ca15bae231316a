# SPDX-License-Identifier: GPL-3.0-or-later
"""LoRAs: those that the server offers, and what is wrong with those that a scene uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import bpy

from sd_core.backend import LoraFacts

from .connection import ServerState, server

FAMILY_LABELS = {"sd1": "SD 1", "sd2": "SD 2", "sdxl": "SDXL"}


def server_loras() -> Sequence[LoraFacts]:
    """The files of the server's LoRA folder, as `Client.loras` lists them."""
    return server.status.loras


def describe_lora(info: LoraFacts) -> str:
    """What a file is, for people: its family, and whether it is a textual inversion; or why it cannot be used."""
    if info.problem:
        return info.problem
    family = FAMILY_LABELS.get(info.family or "", "")
    return " ".join(filter(None, (family, "textual inversion" if info.inversion else ""))) or "LoRA"


def suggestions(_group: object, _context: object, _text: str) -> Iterator[tuple[str, str]]:
    """For the search of a name."""
    for info in server_loras():
        yield info.name, describe_lora(info)


def problem_of(name: str, settings: bpy.types.PropertyGroup) -> str:
    """Why a LoRA of the list cannot work, with what to do; empty: it can, or only the server knows.

    Paths and hub ids are known to the server alone.

    Args:
        name: as in the list.
        settings: `Scene.sd_core`, for the model.
    """
    if not name:
        return "Choose a LoRA, or remove this row"
    if server.status.state is not ServerState.READY or not server.status.models:
        return ""
    info = next((info for info in server_loras() if info.name == name), None)
    if info is None:
        alone = "/" not in name and "\\" not in name
        return (
            f"{name} is not in the LoRA folder of the server: copy it there and press Refresh, or remove it here"
            if alone
            else ""
        )
    if info.problem:
        return f"{name} cannot be used ({info.problem}): download it again, or remove it here"
    family = _family(settings)
    if family and info.family and info.family != family:
        own, other = FAMILY_LABELS.get(info.family, info.family), FAMILY_LABELS.get(family, family)
        return f"{name} was made for {own}, but the model is {other}: choose another model, or remove it"
    return ""


def _family(settings: bpy.types.PropertyGroup) -> str | None:
    """The family of the model that is chosen by a name that the server knows."""
    chosen = settings.model if settings.use_model else ""
    return next((model.family for model in server.status.models if model.name == chosen), None)
