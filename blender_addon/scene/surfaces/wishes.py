# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user wants of an object: custom properties of it, of its materials and of its collections."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from .names import named_prompt, words_of

PROMPT, KEEP, SEED = "sd_core_prompt", "sd_core_keep", "sd_core_seed"
SURFACE, TILE_SIZE = "sd_core_surface", "sd_core_tile_size"
"""Custom properties: a text; whether an object keeps its materials; a number; "views" or "tile"; scene units."""


def prompt_of(item: bpy.types.Object, shot: str) -> str:
    """The object's prompt, else its material's, else its collection's, else the shot's with a name that means something."""
    for held in _holders(item):
        text = str(held.get(PROMPT, "")).strip()
        if text:
            return text
    names = (*(material.name for material in materials_of(item)), item.name)
    words = next((found for found in map(words_of, names) if found), "")
    return named_prompt(words, shot)


def slot_prompt(item: bpy.types.Object, material: bpy.types.Material | None, shot: str) -> str:
    """The prompt of one material of an object; the object's own comes before it."""
    own = str(item.get(PROMPT, "")).strip()
    held = "" if material is None else str(material.get(PROMPT, "")).strip()
    words = "" if material is None else words_of(material.name)
    if own or held:
        return own or held
    holders = (str(holder.get(PROMPT, "")).strip() for holder in item.users_collection)
    return next((text for text in holders if text), "") or named_prompt(words or words_of(item.name), shot)


def is_kept(item: bpy.types.Object) -> bool:
    """Whether the object is to keep its own materials."""
    return bool(item.get(KEEP, False))


def seed_of(item: bpy.types.Object) -> int | None:
    """The object's own seed."""
    return int(item[SEED]) if SEED in item else None


def surface_of(item: bpy.types.Object) -> str:
    """Either "views" or "tile" where the user says how the object is painted, else empty."""
    held = str(item.get(SURFACE, ""))
    return held if held in {"views", "tile"} else ""


def materials_of(item: bpy.types.Object) -> list[bpy.types.Material]:
    """Its materials, each once."""
    return list(dict.fromkeys(slot.material for slot in item.material_slots if slot.material is not None))


def _holders(item: bpy.types.Object) -> Iterator[bpy.types.ID]:
    yield item
    yield from materials_of(item)
    yield from item.users_collection
